//! Reads the options of every call by the rules of the package's other entries: a misspelt option,
//! or one of the wrong type, throws, because it must never count as no demand.
//!
//! serde-wasm-bindgen writes this crate's answers, but it doesn't read its options: it reads
//! inherited properties, and it passes over names that it does not know even with
//! `deny_unknown_fields`. [`read`] looks at the object's own properties, one by one: it refuses
//! what is no option, reads each value once, and checks its type.
//!
//! The caller's object may be a Proxy or have getters, which may throw or call the verifier again.
//! All imports that run the caller's code return a `Result`: an exception that passed through the
//! module without one would skip every destructor on its way. And no engine is borrowed meanwhile.

use js_sys::{Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use crate::error::{Thrown, name_of, type_error};
use crate::nearest::nearest;

/// What an option or argument may be.
pub(crate) trait Value: Sized {
    /// The end of the sentence "`name` is …".
    const WHAT: &'static str;

    /// Reads a value, once. `None` if it is of another type; an error if the caller's own code
    /// threw, or if an option inside the value is wrong.
    fn read(value: &JsValue) -> Result<Option<Self>, Thrown>;
}

/// The options of one call.
pub(crate) trait Options: Default {
    /// The call's name in messages.
    const CALL: &'static str;
    /// Every option.
    const NAMES: &'static [&'static str];

    /// Sets the option `name`, one of [`NAMES`](Self::NAMES).
    fn set(&mut self, name: &str, value: &JsValue) -> Result<(), Thrown>;
}

/// Declares a call's options once: the struct, the names that are accepted, and what is read for
/// each come from the same lines, so that no list can have a name that another lacks.
macro_rules! options {
    ($(#[$doc:meta])* $Options:ident of $call:literal {
        $($field:ident $name:literal: $Type:ty,)*
    }) => {
        $(#[$doc])*
        #[derive(Default)]
        pub(crate) struct $Options {
            $(pub(crate) $field: Option<$Type>,)*
        }

        impl crate::options::Options for $Options {
            const CALL: &'static str = $call;
            const NAMES: &'static [&'static str] = &[$($name),*];

            fn set(
                &mut self,
                name: &str,
                value: &wasm_bindgen::JsValue,
            ) -> Result<(), crate::error::Thrown> {
                match name {
                    $($name => self.$field = Some(crate::options::argument($call, $name, value)?),)*
                    _ => {}
                }
                Ok(())
            }
        }
    };
}
pub(crate) use options;

/// Reads the options of a call. `undefined` means none, and as a value that the option isn't set.
pub(crate) fn read<O: Options>(given: &JsValue) -> Result<O, Thrown> {
    let mut found = O::default();
    if given.is_undefined() {
        return Ok(found);
    }
    read_own(given, O::CALL, O::NAMES, &mut |name, value| found.set(name, value))?;
    Ok(found)
}

/// Calls `set` with each option that the object itself has. Not generic, so that the module has it
/// once.
fn read_own(
    given: &JsValue,
    call: &str,
    names: &[&'static str],
    set: &mut dyn FnMut(&'static str, &JsValue) -> Result<(), Thrown>,
) -> Result<(), Thrown> {
    if !is_plain(given)? {
        return Err(type_error(&[call, ": the options are one plain object"]));
    }
    for name in Reflect::own_keys(given)?.iter() {
        let text = name.as_string();
        let Some(known) = names.iter().find(|known| Some(**known) == text.as_deref()) else {
            refuse(given, &name, call, names)?;
            continue;
        };
        let value = Reflect::get(given, &name)?;
        if !value.is_undefined() {
            set(known, &value)?;
        }
    }
    Ok(())
}

/// A property that is not enumerable comes from the language itself, like the tag of a module, and
/// is ignored.
fn refuse(given: &JsValue, name: &JsValue, call: &str, names: &[&str]) -> Result<(), Thrown> {
    if !is_enumerable(given, name)? {
        return Ok(());
    }
    let name = name_of(name);
    let no_option = ["`", &name, "` is no option of ", call];
    Err(match nearest(&name, names) {
        Some(near) => type_error(&[&no_option[..], &["; did you mean `", near, "`?"]].concat()),
        None => type_error(&[&no_option[..], &["; there are ", &names.join(", ")]].concat()),
    })
}

/// Whether the object itself has the property, and lists it.
pub(crate) fn is_enumerable(object: &JsValue, name: &JsValue) -> Result<bool, Thrown> {
    let descriptor = Reflect::get_own_property_descriptor(object.unchecked_ref::<Object>(), name)?;
    Ok(!descriptor.is_undefined() && Reflect::get(&descriptor, &"enumerable".into())?.is_truthy())
}

/// The error for an option or argument of the wrong type.
pub(crate) fn wrong<V: Value>(call: &str, name: &str) -> Thrown {
    type_error(&[call, ": `", name, "` is ", V::WHAT])
}

/// Reads an argument or an option's value.
pub(crate) fn argument<V: Value>(call: &str, name: &str, value: &JsValue) -> Result<V, Thrown> {
    V::read(value)?.ok_or_else(|| wrong::<V>(call, name))
}

/// Whether the value is a plain object. An instance of a class may keep its options anywhere, and a
/// Map has none of the names that are read, so both are refused. Another realm's Object.prototype
/// is recognized by its own `isPrototypeOf`.
pub(crate) fn is_plain(value: &JsValue) -> Result<bool, Thrown> {
    if !value.is_object() {
        return Ok(false);
    }
    let above: JsValue = Reflect::get_prototype_of(value)?.into();
    if above.is_null() {
        return Ok(true);
    }
    let root: JsValue = Reflect::get_prototype_of(&above)?.into();
    if !root.is_null() {
        return Ok(false);
    }
    let mark = "isPrototypeOf".into();
    let above = above.unchecked_ref::<Object>();
    Ok(!Reflect::get_own_property_descriptor(above, &mark)?.is_undefined())
}

#[cfg(test)]
mod tests {
    use super::Options;
    use crate::calls::{Adopt, Creation, Demand, Held, Look, Refresh, Request};

    /// The fields of an interface of `index.d.ts` or `class.d.ts`.
    fn fields(types: &str, interface: &str) -> Vec<String> {
        let start = format!("export interface {interface} {{\n");
        let (_, rest) = types.split_once(&start).unwrap();
        let (body, _) = rest.split_once("\n}\n").unwrap();
        let names = body.lines().filter_map(|line| line.trim().split_once(": "));
        let names = names.map(|(name, _)| name.trim_end_matches('?').to_owned());
        let mut names: Vec<String> =
            names.filter(|name| name.chars().all(char::is_alphanumeric)).collect();
        names.sort();
        names
    }

    fn names<O: Options>() -> Vec<String> {
        let mut names: Vec<String> = O::NAMES.iter().map(|name| (*name).to_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn each_option_has_a_type_and_each_typed_name_is_an_option() {
        let shared = include_str!("shared.d.ts");
        assert_eq!(names::<Demand>(), fields(shared, "VerifyOptions"));
        assert_eq!(names::<Request>(), fields(shared, "RequestFacts"));
        assert_eq!(names::<Held>(), fields(shared, "Secret"));
        assert_eq!(names::<Creation>(), fields(include_str!("class.d.ts"), "VerifierOptions"));
        // These are named in the signatures of class.rs.
        assert_eq!(Adopt::NAMES, ["now"]);
        assert_eq!(Refresh::NAMES, ["now"]);
        assert_eq!(Look::NAMES, ["now", "freshFor"]);
    }
}
