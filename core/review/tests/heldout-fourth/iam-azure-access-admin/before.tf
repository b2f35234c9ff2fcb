data "azurerm_subscription" "current" {}

resource "azurerm_user_assigned_identity" "inventory" {
  name                = "inventory-sync"
  resource_group_name = azurerm_resource_group.ops.name
  location            = azurerm_resource_group.ops.location
}

resource "azurerm_role_assignment" "inventory" {
  scope                = azurerm_resource_group.ops.id
  role_definition_name = "Reader"
  principal_id         = azurerm_user_assigned_identity.inventory.principal_id
}
