//! Recording that the secrets of a request are about to be shown.

use countersign_protocol::identity::RequestId;
use countersign_protocol::reveal::{RevealBody, Reveals};

use crate::http::{Backend, encode};
use crate::transport::{Call, ClientError};

impl Backend {
    /// Has it recorded that this person is shown secrets of a request. The same nonce again changes nothing.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do; nothing may be shown then.
    pub async fn reveal(&self, id: RequestId, reveal: &RevealBody) -> Result<Reveals, ClientError> {
        let doing = "have the revealing recorded";
        let body = encode(doing, reveal)?;
        self.read(Call::post(doing, format!("/v1/requests/{id}/reveals"), body))
            .await
    }
}
