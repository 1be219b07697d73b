//! Draft → plan: what was resolved and agreed, put in order and indexed.

use std::sync::Arc;

use super::document::Document;
use super::formats::{Agreed, Conversion, conversion_id, decoder_id};
use super::inputs::Options;
use super::plan::{Clock, LinkId, NodeId, Plan, PlanLink, PlanNode};
use super::policy::policy;
use super::resolve::{Draft, DraftLink, DraftNode, Signed};
use crate::media::PixelFormat;
use crate::node::{Format, InputPort, Join, NodeKind, Pace, WhenFull};

/// The plan of a graph without errors. `None`: something is still open, which was reported.
pub(super) fn assemble(
    name: String,
    document: Document,
    draft: Draft,
    mut agreed: Agreed,
    order: &[usize],
) -> Option<Plan> {
    let mut assembly = Assembly {
        clock: document.clock,
        nodes: Vec::new(),
        links: Vec::new(),
        placed: vec![None; draft.nodes.len()],
        decoders: Vec::new(),
    };
    let mut into = vec![Vec::new(); draft.nodes.len()];
    draft.links.iter().enumerate().for_each(|(index, link)| into[link.to].push(index));
    for &index in order {
        let links = into[index]
            .iter()
            .map(|&link| Some((&draft.links[link], agreed.links[link]?, agreed.conversions[link].take())));
        let links: Vec<_> = links.collect::<Option<_>>()?;
        let formats = agreed.outputs[index].take()?;
        assembly.place(&draft, index, formats, links)?;
    }
    let server = document.server?;
    Some(Plan {
        name,
        clock: document.clock,
        nodes: assembly.nodes,
        links: assembly.links,
        server,
        models: Vec::new(),
    })
}

struct Assembly {
    clock: Clock,
    nodes: Vec<PlanNode>,
    links: Vec<PlanLink>,
    /// Where each node of the draft came to stand.
    placed: Vec<Option<NodeId>>,
    /// The decoders so far: what they decode, and to what. All who want the same share one.
    decoders: Vec<((NodeId, usize, PixelFormat), NodeId)>,
}

impl Assembly {
    /// Adds a node after the conversions that serve it, with its links in the order of its ports.
    fn place(
        &mut self,
        draft: &Draft,
        index: usize,
        formats: Vec<Format>,
        mut links: Vec<(&DraftLink, Format, Option<Conversion>)>,
    ) -> Option<()> {
        let node = &draft.nodes[index];
        let signed = node.signed.as_ref()?;
        links.sort_by_key(|(link, ..)| link.to_port);
        let mut ends = Vec::new();
        for (link, format, conversion) in links {
            let port = signed.contract.inputs.get(link.to_port?)?;
            let from = (self.placed[link.from]?, link.from_port?);
            ends.push(match conversion {
                None => self.end(from, link.to_port?, port, format, &link.options),
                Some(conversion) if conversion.decodes() => {
                    let decoder = self.decode(from, &draft.nodes[link.from], &conversion)?;
                    self.end((decoder, 0), link.to_port?, port, format, &link.options)
                }
                Some(conversion) => self.convert(from, node, link, port, conversion)?,
            });
        }
        let id = self.add(node.name.clone(), node.kind.as_ref()?, signed, formats, false);
        self.placed[index] = Some(id);
        ends.into_iter().for_each(|end| self.link(end, id));
        Some(())
    }

    /// A link to a node that is about to be added.
    fn end(
        &self,
        (from, from_port): (NodeId, usize),
        to_port: usize,
        port: &InputPort,
        format: Format,
        options: &Options,
    ) -> PlanLink {
        let policy = policy(options, port, &format, self.clock);
        PlanLink {
            from,
            from_port,
            to: NodeId(usize::MAX),
            to_port,
            format,
            capacity: policy.capacity,
            when_full: policy.when_full,
            join: policy.join,
            max_age: options.max_age,
            rate: options.rate,
        }
    }

    /// Adds the conversion on a link, and gives the link from it.
    fn convert(
        &mut self,
        from: (NodeId, usize),
        node: &DraftNode,
        link: &DraftLink,
        port: &InputPort,
        conversion: Conversion,
    ) -> Option<PlanLink> {
        let format = *conversion.gives.first()?;
        let last = self.end((NodeId(self.nodes.len()), 0), link.to_port?, port, format, &link.options);
        let (before, after) = around_conversion(&link.options, last.join);
        let entrance = conversion.signed.contract.inputs.first()?;
        let first = match last.join {
            // What the link was told to drop is dropped before the work of converting it is done.
            Join::Each => {
                let first = self.end(from, 0, entrance, conversion.takes, &before);
                PlanLink { when_full: last.when_full, capacity: last.capacity, ..first }
            }
            Join::SamePts | Join::Latest => self.end(from, 0, entrance, conversion.takes, &before),
        };
        let id =
            self.add(conversion_id(node, port), &conversion.kind, &conversion.signed, conversion.gives, true);
        self.link(first, id);
        Some(PlanLink {
            rate: after.rate,
            max_age: after.max_age,
            ..match last.join {
                Join::Each => PlanLink { when_full: WhenFull::Block, capacity: 1, ..last },
                Join::SamePts | Join::Latest => last,
            }
        })
    }

    /// The decoder of an output of `giver`: one for all who want these frames of it. What a link was
    /// told to drop is dropped after it, since every picture but the last few is needed for the next.
    fn decode(
        &mut self,
        (from, from_port): (NodeId, usize),
        giver: &DraftNode,
        conversion: &Conversion,
    ) -> Option<NodeId> {
        let key = (from, from_port, conversion.gives.first()?.frames()?.pixel);
        if let Some((_, decoder)) = self.decoders.iter().find(|(known, _)| *known == key) {
            return Some(*decoder);
        }
        let entrance = conversion.signed.contract.inputs.first()?;
        let link = self.end((from, from_port), 0, entrance, conversion.takes, &Options::default());
        let contract = &giver.signed.as_ref()?.contract;
        // A file can wait for a decoder that is busy; a camera cannot.
        let link = match contract.pace {
            Pace::ByDevice => link,
            Pace::ByPts | Pace::Free => PlanLink { when_full: WhenFull::Block, ..link },
        };
        let name = decoder_id(giver, contract.outputs.get(from_port)?.name, key.2);
        let id = self.add(name, &conversion.kind, &conversion.signed, conversion.gives.clone(), true);
        self.link(link, id);
        self.decoders.push((key, id));
        Some(id)
    }

    fn add(
        &mut self,
        id: String,
        kind: &Arc<dyn NodeKind>,
        signed: &Signed,
        formats: Vec<Format>,
        inserted: bool,
    ) -> NodeId {
        self.nodes.push(PlanNode {
            id,
            kind: Arc::clone(kind),
            settings: signed.settings.clone(),
            contract: signed.contract.clone(),
            inputs: vec![None; signed.contract.inputs.len()],
            outputs: vec![Vec::new(); signed.contract.outputs.len()],
            formats,
            inserted,
            priority: signed.priority,
        });
        NodeId(self.nodes.len() - 1)
    }

    fn link(&mut self, link: PlanLink, to: NodeId) {
        let id = LinkId(self.links.len());
        self.nodes[to.0].inputs[link.to_port] = Some(id);
        self.nodes[link.from.0].outputs[link.from_port].push(id);
        self.links.push(PlanLink { to, ..link });
    }
}

/// The options of a link shared out between the links before and after a conversion: what lets
/// items in stays before it, what joins them goes after.
fn around_conversion(options: &Options, join: Join) -> (Options, Options) {
    let before = Options { rate: options.rate, ..Options::default() };
    let max_age = options.max_age.filter(|_| join != Join::Each);
    (before, Options { max_age, ..Options::default() })
}
