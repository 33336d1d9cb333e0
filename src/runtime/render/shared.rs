//! Where a captured variable is used twice at once: the engine names the function that was called, and no place.

use std::collections::BTreeSet;

use rhai::{ASTNode, Engine, Expr, Position, Stmt};

/// The function that an error of the engine names: `argument #1 of function 'map'`.
pub(super) fn function(what: &str) -> Option<&str> {
    what.split_once("function '")?.1.strip_suffix('\'')
}

/// The one call in a script that `what` can mean: of that function, on a variable that a closure captures, best the closure that
/// the call is given. `None` where there are several, or none.
pub(in crate::runtime) fn call(engine: &Engine, script: &str, what: &str) -> Option<Position> {
    let function = function(what)?;
    let ast = engine.compile(script).ok()?;
    let mut captured = BTreeSet::new();
    // Calls that are given such a closure, and all others with the variable that they are on.
    let (mut sure, mut others) = (Vec::new(), Vec::new());
    ast.walk(&mut |path| {
        match path.last() {
            Some(ASTNode::Stmt(Stmt::Share(variables))) => {
                let names: Vec<&str> = variables.iter().map(|(variable, _)| variable.name.as_str()).collect();
                sure.extend(calls(path, function).filter(|(on, _)| names.contains(on)).map(|(_, position)| position));
                captured.extend(names.into_iter().map(str::to_owned));
            }
            Some(ASTNode::Expr(Expr::MethodCall(call, _))) if call.name.as_str() == function => {
                others.extend(calls(path, function).last().map(|(on, position)| (on.to_owned(), position)));
            }
            _ => {}
        }
        true
    });
    others.retain(|(on, _)| captured.contains(on));
    match (sure.as_slice(), others.as_slice()) {
        ([position], _) | ([], [(_, position)]) => Some(*position),
        _ => None,
    }
}

/// The calls of `function` that a node stands in, each with the variable that it is on: `x` in `x.parts.map(…)`.
fn calls<'a>(path: &'a [ASTNode<'a>], function: &'a str) -> impl Iterator<Item = (&'a str, Position)> {
    let mut on = None;
    path.iter().filter_map(move |node| {
        match node {
            ASTNode::Expr(Expr::Dot(parts, ..) | Expr::Index(parts, ..)) => {
                if let Expr::Variable(variable, ..) = &parts.lhs {
                    on = Some(variable.1.as_str());
                }
            }
            ASTNode::Expr(Expr::MethodCall(call, position)) if call.name.as_str() == function => return Some((on?, *position)),
            _ => {}
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use rhai::Engine;

    fn line(script: &str, function: &str) -> Option<usize> {
        super::call(&Engine::new(), script, &format!("argument #1 of function '{function}'"))?.line()
    }

    #[test]
    fn the_call_is_found_where_only_one_can_be_meant() {
        assert_eq!(line("let x = [1];\nx.push(2);\nx.map(|i| x.len())", "map"), Some(3));
        assert_eq!(line("let x = #{ a: [1] };\nlet y = [2];\ny.map(|i| i);\nx.a.map(|i| x.a.len())", "map"), Some(4));
        assert_eq!(line("fn f(x) {\nx.retain(|v| v > x.len())\n}", "retain"), Some(2));
        assert_eq!(line("let x = [1];\nlet f = |i| x.push(i);\nx.for_each(f)", "for_each"), Some(3));
        assert_eq!(line("let x = [1];\nx.map(|i| x);\nx.map(|i| x)", "map"), None);
        assert_eq!(super::call(&Engine::new(), "let x = 1;", ""), None);
    }
}
