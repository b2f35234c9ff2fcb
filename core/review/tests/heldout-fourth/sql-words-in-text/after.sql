-- Note for later: TRUNCATE audit_log; DROP TABLE audit_log; -- never without the auditors
INSERT INTO help_articles (slug, title, body)
VALUES ('delete-account', 'How to delete an account',
        'Support runs DELETE FROM accounts only with a number; GRANT ALL is never given.');
