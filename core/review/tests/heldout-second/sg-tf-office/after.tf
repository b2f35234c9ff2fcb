resource "aws_security_group_rule" "in" {
  type              = "ingress"
  from_port         = 443
  to_port           = 443
  protocol          = "tcp"
  cidr_blocks       = var.offices
  security_group_id = "sg-1"
}

variable "offices" {
  default = ["203.0.113.0/28", "198.51.100.7/32"]
}
