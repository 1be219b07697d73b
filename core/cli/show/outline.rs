//! A plan as JSON, for programs.

use serde_json::{Map, Value as Json, json};

use super::whence;
use crate::cli::value;
use crate::graph::{self, Clock, Concealed, LinkId, Plan, PlanNode};
use crate::node::{Format, Model, ModelInput, units};

pub fn outline(plan: &Plan, rules: &[String], concealed: &[Concealed]) -> Json {
    json!({
        "name": plan.name,
        "clock": match plan.clock {
            Clock::Live => "live",
            Clock::Offline => "offline",
        },
        "rules": rules,
        "nodes": plan.nodes.iter().map(|node| node_json(plan, node, concealed)).collect::<Vec<_>>(),
        "links": (0..plan.links.len()).map(|index| link_json(plan, LinkId(index))).collect::<Vec<_>>(),
        "models": plan.models.iter().map(|model| model_json(model)).collect::<Vec<_>>(),
        "server": {
            "listen": plan.server.listen.to_string(),
            "udp_port": plan.server.udp_port,
            "tcp": plan.server.tcp,
            "additional_hosts": plan.server.additional_hosts,
            "allow_origins": plan.server.allow_origins,
            "offers_per_minute": plan.server.offers_per_minute,
            "interfaces": plan.server.interfaces,
            "tokens": plan.server.tokens.iter().map(rights).collect::<Vec<_>>(),
            "tls": plan.server.tls.as_ref().map(|tls| tls.certificate.display().to_string()),
            "ice_servers": plan.server.ice_servers.iter().map(|server| &server.urls).collect::<Vec<_>>(),
        },
    })
}

fn model_json(model: &Model) -> Json {
    let ModelInput { size, pixel, layout, mean, deviation } = &model.input;
    json!({
        "name": model.name,
        "path": model.path.display().to_string(),
        "sha256": model.digest.map(|digest| digest.to_string()),
        "input": {
            "size": size.to_string(),
            "format": pixel.name(),
            "layout": layout.name(),
            "mean": mean,
            "deviation": deviation,
        },
    })
}

/// What a token lets its bearer do; the token itself is nobody's to see.
fn rights(token: &graph::Token) -> Vec<&'static str> {
    token.rights.iter().map(|right| right.name()).collect()
}

fn node_json(plan: &Plan, node: &PlanNode, concealed: &[Concealed]) -> Json {
    let settings: Map<String, Json> = value::settings(node, concealed).into_iter().collect();
    let outputs = node.contract.outputs.iter().zip(&node.formats);
    let outputs: Vec<Json> =
        outputs.map(|(port, format)| json!({ "port": port.name, "format": format.to_string() })).collect();
    let takes = node.inputs.first().copied().flatten().map(|link| plan.link(link).format);
    let price = takes.filter(|_| node.inserted).and_then(|takes: Format| graph::price(&takes, &node.formats));
    json!({
        "id": node.id,
        "kind": node.kind.about().name,
        "role": node.role().name(),
        "settings": settings,
        "plugin_from": whence(node, concealed),
        "outputs": outputs,
        "inserted": node.inserted,
        "bytes_per_second": price,
    })
}

fn link_json(plan: &Plan, id: LinkId) -> Json {
    let (from, to) = plan.link_ends(id);
    let link = plan.link(id);
    json!({
        "from": from,
        "to": to,
        "format": link.format.to_string(),
        "queue": link.capacity,
        "when_full": link.when_full.name(),
        "join": link.join.name(),
        "max_age": link.max_age.map(units::show_duration),
        "rate": link.rate.map(|rate| rate.to_string()),
    })
}
