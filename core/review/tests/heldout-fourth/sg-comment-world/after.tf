resource "aws_security_group" "orders_db" {
  name        = "orders-db"
  description = "PostgreSQL of the orders service"
  vpc_id      = module.network.vpc_id
}

resource "aws_security_group_rule" "orders_db_in" {
  type                     = "ingress"
  security_group_id        = aws_security_group.orders_db.id
  protocol                 = "tcp"
  from_port                = 5432
  to_port                  = 5432
  source_security_group_id = aws_security_group.orders_app.id
  # Never 0.0.0.0/0 here, not even for port 22: see the network rules.
  description              = "orders app (no cidr_blocks = [\"0.0.0.0/0\"])"
}
