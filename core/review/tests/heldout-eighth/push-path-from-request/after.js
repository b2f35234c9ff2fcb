const file = path.join(ROOT, req.query.name);
res.sendFile(file);
