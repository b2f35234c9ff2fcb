resource "aws_vpc_security_group_ingress_rule" "partner_sftp" {
  security_group_id = aws_security_group.transfer.id
  description       = "Partner drops files"
  cidr_ipv4         = "203.0.113.64/27"
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
}

resource "aws_vpc_security_group_egress_rule" "to_store" {
  security_group_id = aws_security_group.transfer.id
  prefix_list_id    = data.aws_ec2_managed_prefix_list.s3.id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
