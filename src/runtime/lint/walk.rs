//! Goes through statements and expressions with the variables that each of them sees.

use rhai::{AST, ASTNode, Expr, FnCallExpr, Map, Position, Stmt};

use super::Linter;

/// The statements of a script and the bodies of all its functions and closures. What a closure captures is checked
/// where the closure stands: the parser makes captured names its parameters.
pub(super) fn script(linter: &mut Linter<'_>, ast: &AST) {
    let mut scope: Vec<String> = Vec::new();
    block(linter, ast.statements(), &mut scope);
    for definition in ast.iter_fn_def() {
        let mut scope: Vec<String> = definition.params.iter().map(ToString::to_string).collect();
        // The type of a function's body has no public name, but a walk through a script of one function goes through it.
        let mut alone = ast.clone_functions_only();
        alone.retain_functions(|_, _, name, count| name == definition.name && count == definition.params.len());
        alone.walk(&mut |path| {
            if let [ASTNode::Stmt(item)] = path {
                statement(linter, item, &mut scope);
            }
            true
        });
    }
}

fn block<'a>(linter: &mut Linter<'_>, statements: impl IntoIterator<Item = &'a Stmt>, scope: &mut Vec<String>) {
    for item in statements {
        statement(linter, item, scope);
    }
}

/// A block whose variables end with it.
fn inner<'a>(linter: &mut Linter<'_>, statements: impl IntoIterator<Item = &'a Stmt>, scope: &mut Vec<String>) {
    let outside = scope.len();
    block(linter, statements, scope);
    scope.truncate(outside);
}

fn statement(linter: &mut Linter<'_>, item: &Stmt, scope: &mut Vec<String>) {
    match item {
        Stmt::If(flow, _) | Stmt::While(flow, _) | Stmt::Do(flow, ..) => {
            expression(linter, &flow.expr, scope);
            inner(linter, &flow.body, scope);
            inner(linter, &flow.branch, scope);
        }
        Stmt::For(parts, _) => {
            let (name, counter, flow) = &**parts;
            expression(linter, &flow.expr, scope);
            let outside = scope.len();
            scope.extend([Some(name), counter.as_ref()].into_iter().flatten().map(|ident| ident.name.to_string()));
            block(linter, &flow.body, scope);
            scope.truncate(outside);
        }
        Stmt::TryCatch(flow, _) => {
            inner(linter, &flow.body, scope);
            let outside = scope.len();
            if let Expr::Variable(name, ..) = &flow.expr {
                scope.push(name.1.to_string());
            }
            block(linter, &flow.branch, scope);
            scope.truncate(outside);
        }
        Stmt::Switch(parts, _) => {
            expression(linter, &parts.0, scope);
            for case in &parts.1.expressions {
                expression(linter, &case.lhs, scope);
                expression(linter, &case.rhs, scope);
            }
        }
        Stmt::Var(parts, ..) => {
            expression(linter, &parts.1, scope);
            scope.push(parts.0.name.to_string());
        }
        Stmt::Assignment(parts) => {
            expression(linter, &parts.1.lhs, scope);
            expression(linter, &parts.1.rhs, scope);
        }
        Stmt::FnCall(call, position) => function_call(linter, call, *position, scope),
        Stmt::Block(body) => inner(linter, body.statements(), scope),
        Stmt::Expr(value) => expression(linter, value, scope),
        Stmt::BreakLoop(Some(value), ..) | Stmt::Return(Some(value), ..) => expression(linter, value, scope),
        Stmt::Import(import, _) => expression(linter, &import.0, scope),
        _ => {}
    }
}

fn expression(linter: &mut Linter<'_>, item: &Expr, scope: &mut Vec<String>) {
    match item {
        Expr::InterpolatedString(items, _) | Expr::Array(items, _) => {
            items.iter().for_each(|item| expression(linter, item, scope));
        }
        Expr::Map(map, _) => map.0.iter().for_each(|(_, value)| expression(linter, value, scope)),
        Expr::Variable(parts, _, position) if parts.2.is_empty() => linter.variable(&parts.1, scope, *position),
        Expr::FnCall(call, position) => function_call(linter, call, *position, scope),
        Expr::MethodCall(call, position) => {
            linter.call(&call.name, call.args.len(), true, *position);
            arguments(linter, call, scope);
        }
        Expr::Stmt(body) => inner(linter, body.statements(), scope),
        Expr::Dot(pair, ..) | Expr::Index(pair, ..) => {
            expression(linter, &pair.lhs, scope);
            expression(linter, &pair.rhs, scope);
        }
        Expr::And(items, _) | Expr::Or(items, _) | Expr::Coalesce(items, _) => {
            items.iter().for_each(|item| expression(linter, item, scope));
        }
        _ => {}
    }
}

fn function_call(linter: &mut Linter<'_>, call: &FnCallExpr, position: Position, scope: &mut Vec<String>) {
    if call.namespace.is_empty() {
        if !call.is_operator_call() {
            linter.call(&call.name, call.args.len(), false, position);
        }
    } else {
        let path: Vec<&str> = call.namespace.path.iter().map(|part| part.name.as_str()).chain([call.name.as_str()]).collect();
        linter.qualified(&path.join("::"), call.args.len(), position);
    }
    arguments(linter, call, scope);
}

fn arguments(linter: &mut Linter<'_>, call: &FnCallExpr, scope: &mut Vec<String>) {
    match call.args.last() {
        Some(Expr::Map(map, _)) => {
            let keys: Vec<_> = map.0.iter().map(|(key, _)| (key.name.to_string(), key.pos)).collect();
            linter.options(&call.name, &keys);
        }
        // A map of constants is folded by the parser.
        Some(Expr::DynamicConstant(value, position)) => {
            if let Some(map) = value.read_lock::<Map>() {
                let keys: Vec<_> = map.keys().map(|key| (key.to_string(), *position)).collect();
                linter.options(&call.name, &keys);
            }
        }
        _ => {}
    }
    call.args.iter().for_each(|item| expression(linter, item, scope));
}
