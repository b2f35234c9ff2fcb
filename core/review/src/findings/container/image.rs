//! Names of images: repository, tag and digest, and how much each says.

/// Splits an image into its repository, its tag and its digest.
pub(in crate::findings) fn image(name: &str) -> (&str, Option<&str>, Option<&str>) {
    let (tagged, digest) = match name.split_once('@') {
        Some((tagged, digest)) => (tagged, Some(digest)),
        None => (name, None),
    };
    let last = tagged.rfind('/').map_or(0, |at| at + 1);
    match tagged.get(last..).and_then(|rest| rest.find(':')) {
        Some(colon) => (
            tagged.get(..last + colon).unwrap_or(tagged),
            tagged.get(last + colon + 1..),
            digest,
        ),
        None => (tagged, None, digest),
    }
}

/// Says whether a tag names one version: it has a number in it.
pub(in crate::findings) fn is_version_tag(tag: &str) -> bool {
    tag.contains(|c: char| c.is_ascii_digit())
}

/// Says whether an image comes from those who publish bases for everybody: the official ones of Docker Hub, which have no
/// owner in their name, and their likes.
pub(super) fn is_common_base(repository: &str) -> bool {
    const PUBLISHERS: &[&str] = &[
        "docker.io/library/",
        "library/",
        "public.ecr.aws/docker/library/",
        "gcr.io/distroless/",
        "cgr.dev/chainguard/",
        "registry.access.redhat.com/ubi",
        "mcr.microsoft.com/dotnet/",
    ];
    !repository.contains('/')
        || PUBLISHERS
            .iter()
            .any(|publisher| repository.starts_with(publisher))
}
