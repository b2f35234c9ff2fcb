resource "azurerm_network_security_rule" "search_api" {
  name                        = "allow-search"
  priority                    = 210
  direction                   = "Inbound"
  access                      = "Allow"
  protocol                    = "Tcp"
  source_port_range           = "*"
  destination_port_range      = "9200"
  source_address_prefix       = "VirtualNetwork"
  destination_address_prefix  = "10.90.4.0/24"
  resource_group_name         = azurerm_resource_group.search.name
  network_security_group_name = azurerm_network_security_group.search.name
}
