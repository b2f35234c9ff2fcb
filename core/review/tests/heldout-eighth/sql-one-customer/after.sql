UPDATE customers
   SET city = 'Graz'
 WHERE id = 8812
   AND city = 'Gratz';
