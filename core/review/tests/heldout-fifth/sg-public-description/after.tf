resource "aws_vpc_security_group_ingress_rule" "web" {
  security_group_id = aws_security_group.balancer.id
  description       = "Tracking page for customers"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}
