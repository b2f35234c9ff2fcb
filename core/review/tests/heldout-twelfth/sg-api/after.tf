# rules of the public api

resource "aws_security_group" "api" {
  name   = "api"
  vpc_id = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "api_internal" {
  for_each = toset(["443", "9090"])

  security_group_id = aws_security_group.api.id
  description       = "vpc clients and metrics"
  ip_protocol       = "tcp"
  from_port         = tonumber(each.value)
  to_port           = tonumber(each.value)
  cidr_ipv4         = "10.40.0.0/16"
}

resource "aws_vpc_security_group_ingress_rule" "api_public" {
  security_group_id = aws_security_group.api.id
  description       = "https"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_egress_rule" "api_all" {
  security_group_id = aws_security_group.api.id
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}
