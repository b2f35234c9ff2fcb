INSERT INTO tags (name) VALUES ('blue');
