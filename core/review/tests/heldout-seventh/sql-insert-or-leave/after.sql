INSERT INTO countries (code, name) VALUES ('XK', 'Kosovo') ON CONFLICT (code) DO NOTHING;
