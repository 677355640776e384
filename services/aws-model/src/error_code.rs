//! The codes of a service's modelled exceptions.

/// Makes a service's `ErrorCode`: each exception with its code on the wire and its HTTP status.
macro_rules! error_code {
    (pub enum $name:ident { $($variant:ident = $code:literal, $status:literal;)* }) => {
        /// An exception that the service's model has.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($variant,)*
        }

        impl $name {
            /// All codes, in the order of their names.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code on the wire, such as `ClusterNotFoundException` (W-02).
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }

            /// The HTTP status: 500 for faults of the server, 400 for those of the client (W-02).
            pub fn status(self) -> u16 {
                match self {
                    $(Self::$variant => $status,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }
    };
}
pub(crate) use error_code;
