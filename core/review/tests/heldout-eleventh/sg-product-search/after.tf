locals {
  tags = {
    Service = "product-search"
    Env     = "prod"
  }
}

data "aws_vpc" "main" {
  tags = { Name = "main" }
}

resource "aws_security_group" "search" {
  name        = "opensearch-nodes"
  description = "self-managed OpenSearch"
  vpc_id      = data.aws_vpc.main.id
  tags        = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "rest_v4" {
  security_group_id = aws_security_group.search.id
  description       = "REST from the VPC"
  cidr_ipv4         = data.aws_vpc.main.cidr_block
  from_port         = 9200
  to_port           = 9200
  ip_protocol       = "tcp"
}

# dual-stack migration
resource "aws_vpc_security_group_ingress_rule" "rest_v6" {
  security_group_id = aws_security_group.search.id
  description       = "REST, IPv6"
  cidr_ipv6         = "::/0"
  from_port         = 9200
  to_port           = 9200
  ip_protocol       = "tcp"
}

resource "aws_vpc_security_group_ingress_rule" "transport" {
  security_group_id            = aws_security_group.search.id
  description                  = "node to node"
  referenced_security_group_id = aws_security_group.search.id
  from_port                    = 9300
  to_port                      = 9300
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.search.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_vpc_security_group_egress_rule" "all_v6" {
  security_group_id = aws_security_group.search.id
  cidr_ipv6         = "::/0"
  ip_protocol       = "-1"
}
