variable "vpc_id" { type = string }
variable "app_sg_id" { type = string }
variable "etl_sg_id" { type = string }

resource "aws_security_group" "mysql" {
  name        = "inventory-mysql"
  description = "inventory database"
  vpc_id      = var.vpc_id
}

resource "aws_security_group_rule" "mysql_private" {
  type              = "ingress"
  description       = "anything private"
  security_group_id = aws_security_group.mysql.id
  from_port         = 3306
  to_port           = 3306
  protocol          = "tcp"
  cidr_blocks       = ["10.0.0.0/8"]
}

resource "aws_security_group_rule" "mysql_contractor" {
  type              = "ingress"
  description       = "contractor, until the migration is over"
  security_group_id = aws_security_group.mysql.id
  from_port         = 0
  to_port           = 65535
  protocol          = "tcp"
  cidr_blocks       = ["192.0.2.50/32"]
}
