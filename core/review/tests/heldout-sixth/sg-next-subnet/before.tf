resource "azurerm_network_security_group" "reporting" {
  name                = "reporting"
  location            = azurerm_resource_group.reporting.location
  resource_group_name = azurerm_resource_group.reporting.name

  security_rule {
    name                       = "sql-from-app"
    priority                   = 200
    direction                  = "Inbound"
    access                     = "Allow"
    protocol                   = "Tcp"
    source_port_range          = "*"
    destination_port_range     = "1433"
    source_address_prefix      = "10.40.2.0/24"
    destination_address_prefix = "10.40.8.0/24"
  }
}
