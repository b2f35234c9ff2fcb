resource "aws_security_group_rule" "in" {
  type              = "ingress"
  from_port         = 22
  to_port           = 22
  protocol          = "tcp"
  cidr_blocks       = var.offices
  security_group_id = "sg-1"
}

variable "offices" {
  default = ["0.0.0.0/0"]
}
