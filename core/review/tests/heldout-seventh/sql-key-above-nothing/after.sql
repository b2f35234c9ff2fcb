UPDATE coupons SET void = true WHERE id > 0;
