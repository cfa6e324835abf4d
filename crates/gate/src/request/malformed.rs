//! Why a request is not read.

/// Why a request has no normal form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedRequest {
    /// The method isn't a token in capital letters, or is one that is never forwarded.
    #[error("the method is not one that is passed on")]
    Method,
    /// The request names a method other than its own.
    #[error("the request asks for another method than its own; send that method instead")]
    MethodOverride,
    /// `GET` or `HEAD` with a body.
    #[error("a GET or HEAD request has a body; send it without, or by another method")]
    UnexpectedBody,
    /// The path holds a character that no URI has.
    #[error("the path holds a character that must be percent-encoded")]
    Target,
    /// The path has a segment that is `.` or `..`.
    #[error("the path can be read in two ways; send it without dot segments and other spellings")]
    AmbiguousPath,
    /// A parameter that an origin may take for one that the gate reads.
    #[error("a query parameter can be taken for another one; send the name as it is documented")]
    AmbiguousParameter,
    /// A header field that an origin may take for one that the gate reads or sets.
    #[error("a header field can be taken for another one; send the name as it is documented")]
    AmbiguousHeader,
}

impl MalformedRequest {
    /// A stable code for logs and answers.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Method => "malformed_method",
            Self::MethodOverride => "method_override",
            Self::UnexpectedBody => "unexpected_body",
            Self::Target => "malformed_target",
            Self::AmbiguousPath => "ambiguous_path",
            Self::AmbiguousParameter => "ambiguous_parameter",
            Self::AmbiguousHeader => "ambiguous_header",
        }
    }
}
