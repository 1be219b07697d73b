//! The page as people meet it: on a desk and a phone, in dark and light, with a keyboard.

use std::path::Path;

use super::live::LIVE;
use super::support::binary::Framegate;
use super::support::chromium::Chromium;

#[test]
fn the_page_tells_rates_times_and_drops_on_any_screen() {
    let server = Framegate::run(Path::new("graphs/demo.yaml"), &[]);
    let browser = Chromium::start();
    browser.prefer("dark");
    browser.open(&server.url);
    browser.until("the picture", LIVE);
    for figure in ["latency", "bitrate", "fps", "viewers", "lost", "freezes"] {
        let shown = format!(
            "return /[0-9]/.test(document.querySelector('.relay [data-value={figure}]').textContent)"
        );
        browser.until(figure, &shown);
    }
    browser.until(
        "a rate and a time on each node",
        "return [...document.querySelectorAll('.node')].length > 2 && [...document.querySelectorAll('.node')].every(
            (node) => /[0-9]/.test(node.querySelector('[data-value=rate]').textContent)
                && /[0-9]/.test(node.querySelector('[data-value=time]').textContent))",
    );
    for colours in ["dark", "light"] {
        browser.prefer(colours);
        browser.be_a_desk();
        browser.screenshot(&format!("desk-{colours}"));
        browser.be_a_phone();
        let fits = browser.ask("return document.documentElement.scrollWidth <= innerWidth");
        assert_eq!(fits, true, "nothing sticks out of a phone's screen");
        browser.screenshot(&format!("phone-{colours}"));
    }
}

#[test]
fn the_page_asks_for_a_token_and_keeps_it_for_the_tab() {
    let demo = std::fs::read_to_string("graphs/demo.yaml").expect("the demo is there");
    let (demo, _) = demo.split_once("\nserver:").expect("its last section is the server's");
    let graph = format!("{demo}\nserver: {{ tokens: [{{ token: \"${{VIEW}}\" }}] }}\n");
    let server = Framegate::run_text_with(&graph, &[], &[("VIEW", "view-0123456789abcdef")]);
    let browser = Chromium::start();
    browser.open(&server.url);
    browser.until("the question", "return document.querySelector('dialog.token')?.open === true");
    assert_eq!(browser.ask("return document.querySelectorAll('dialog.token').length"), 1);
    browser.screenshot("token");
    assert_eq!(browser.ask("return document.activeElement.name"), "token", "the keyboard is already there");
    let answer = |token: &str| {
        browser.ask(&format!(
            "const form = document.querySelector('dialog.token form');
             form.elements.token.value = '{token}'; form.requestSubmit()"
        ));
    };
    answer("view-wrongwrongwrong");
    browser.until(
        "being told so",
        "return document.querySelector('dialog.token .trouble')?.textContent.includes('does not know')",
    );
    browser.be_a_phone();
    browser.screenshot("token-phone");
    browser.be_a_desk();
    answer("view-0123456789abcdef");
    browser.until("the picture", LIVE);
    browser.ask("document.querySelector('.bottom a').click()");
    browser.until("the API behind its link", "return document.body.textContent.includes('elapsed_ms')");
    browser.open(&server.at("live"));
    browser.until("the picture without being asked again", LIVE);

    let other = Chromium::start();
    other.open(&server.at("live#token=view-0123456789abcdef"));
    other.until("the picture by a link", LIVE);
    assert_eq!(other.ask("return location.hash"), "", "the token does not stay in the address line");
}

#[test]
fn boxes_are_put_away_with_a_key() {
    let server = Framegate::run(Path::new("graphs/demo.yaml"), &[]);
    let browser = Chromium::start();
    browser.open(&server.at("live"));
    browser.until("the picture", LIVE);
    // The inside of a label is one flat colour, and the pattern has none of these.
    let drawn = "const c = document.querySelector('.boxes');
        const { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height);
        const labels = [0xffb84d, 0x5ad1ff, 0x9cf28a, 0xff8fa8, 0xc9a6ff, 0xffe36e];
        let count = 0;
        for (let at = 0; at < data.length; at += 4) {
            count += labels.includes(data[at] << 16 | data[at + 1] << 8 | data[at + 2]);
        }
        return count > 200";
    browser.until("boxes", drawn);
    let press = "document.querySelector('.stage').dispatchEvent(new KeyboardEvent('keydown', { key: 'b' }))";
    browser.ask(press);
    assert_eq!(browser.ask("return document.querySelector('.toggle-boxes').ariaPressed"), "false");
    assert_eq!(browser.ask(drawn), false);
    browser.ask(press);
    browser.until("boxes again", drawn);
    browser.screenshot("player");
}

#[test]
fn a_camera_that_is_not_there_is_told_on_the_page_and_wherever_numbers_are_read() {
    // Nobody listens on the port of TCP's own multiplexer.
    let graph = "version: 1\nnodes:\n\
                 \x20 - { id: door, kind: rtsp, with: { url: \"rtsp://guest:secret@127.0.0.1:1/\" } }\n\
                 \x20 - { id: live, kind: relay, inputs: door }\n";
    let server = Framegate::run_text(graph, &[]);
    let browser = Chromium::start();
    browser.open(&server.url);
    browser.until(
        "the camera's card says so",
        "const card = document.querySelector('.node[data-state=waiting]');
         return card?.querySelector('h3').textContent === 'door'
             && card.querySelector('.reason').textContent.includes('asked again in')",
    );
    browser.screenshot("camera-lost");
    assert_eq!(server.json("api/graph")["nodes"][0]["state"], "waiting");
    let metrics =
        ureq::get(server.at("metrics")).call().expect("there are metrics").body_mut().read_to_string();
    let metrics = metrics.expect("in text");
    let line =
        metrics.lines().find(|line| line.starts_with("framegate_node_waiting{") && line.contains("door"));
    assert!(line.is_some_and(|line| line.ends_with(" 1")), "{metrics}");
    assert!(!server.log().contains("secret") && !metrics.contains("secret"));
}
