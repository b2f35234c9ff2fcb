resource "azurerm_network_security_group" "mgmt" {
  name                = "mgmt-nsg"
  location            = var.location
  resource_group_name = var.resource_group

  security_rule {
    name                       = "winrm-from-jump"
    priority                   = 200
    direction                  = "Inbound"
    access                     = "Allow"
    protocol                   = "Tcp"
    source_port_range          = "*"
    destination_port_ranges    = ["5985", "5986"]
    source_address_prefix      = "10.4.8.0/28"
    destination_address_prefix = "10.4.16.0/24"
  }
}
