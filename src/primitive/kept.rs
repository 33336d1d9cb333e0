//! A `build` closure kept for later, with the environment it was written in.

use std::sync::{Arc, Weak};

use rhai::{Dynamic, EvalAltResult, FnPtr, Map, NativeCallContext};

use super::cross::inner_fault;
use super::host::Host;
use super::net::{Net, Node};
use super::values::words;
use crate::base::{Fault, Result, did_you_mean};

/// A closure `|net, c|` that builds layers, callable when the script that defined it has ended.
pub(super) struct BuildClosure {
    closure: FnPtr,
    #[allow(deprecated, reason = "the type is marked volatile, not deprecated; it keeps functions and imports a closure uses")]
    environment: rhai::NativeCallContextStore,
    host: Weak<Host>,
}

impl BuildClosure {
    /// Keeps `closure`; what it captured is copied, so that later changes of these variables change nothing.
    pub(super) fn new(context: &NativeCallContext, host: &Arc<Host>, mut closure: FnPtr) -> Self {
        let captured: Vec<_> = closure.curry().iter().map(Dynamic::flatten_clone).collect();
        closure.set_curry(captured);
        #[allow(deprecated, reason = "see `environment`")]
        let environment = context.store_data();
        Self { closure, environment, host: Arc::downgrade(host) }
    }

    /// The last node of what it builds on `net`, told `c`. Fails with `CODE::result` for anything but a node.
    pub(super) fn call(&self, net: &Net, c: Map, code: &str) -> Result<Node> {
        let host =
            self.host.upgrade().ok_or_else(|| Fault::new("session::no_host", "the session of this closure has ended", ""))?;
        let engine = host.engine()?;
        #[allow(deprecated, reason = "see `environment`")]
        let context = self.environment.create_context(&engine);
        let known: Vec<String> = c.keys().map(ToString::to_string).collect();
        let result = self.closure.call_raw(&context, None, [Dynamic::from(net.clone()), c.into()]).map_err(|error| {
            let mut fault = inner_fault(&host, &error, context.call_source());
            if let EvalAltResult::ErrorPropertyNotFound(name, _) = error.unwrap_inner() {
                fault.help = Some(did_you_mean(name, known.iter().map(String::as_str)));
            }
            fault
        })?;
        let found = words(&result);
        result.try_cast::<Node>().ok_or_else(|| {
            Fault::new(
                &format!("{code}::result"),
                format!("its `build` closure gives {found}, not a node"),
                "let the closure end in the last node",
            )
        })
    }
}
