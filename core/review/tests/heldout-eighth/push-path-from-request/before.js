const file = path.join(ROOT, path.basename(req.query.name));
res.sendFile(file);
