//! A virtual machine with Debian's own kernel, sockets to plug webcams into and a folder shared with
//! the test. It is told what to do line by line, and ends with the test, whatever happens.
//!
//! Always software emulation: `/dev/kvm` may exist and yet hang the guest.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The program under test: the machine finds it as `framegate`.
const PROGRAM: &str = env!("CARGO_BIN_EXE_framegate");

/// Sockets a webcam can be plugged into.
const USB_PORTS: usize = 2;

/// A running machine.
pub struct Machine {
    qemu: Child,
    folder: tempfile::TempDir,
    /// The machine's second serial port.
    port: BufReader<UnixStream>,
    deadline: Instant,
}

/// How a line ended and what it printed.
#[derive(Debug)]
pub struct Said {
    pub status: i32,
    pub text: String,
}

impl Machine {
    /// Boots, and waits until the machine takes orders. Everything must be over `within` this long.
    ///
    /// # Panics
    /// When it cannot be prepared, or does not come up in time.
    pub fn boot(within: Duration) -> Machine {
        let system = Path::new(env!("CARGO_TARGET_TMPDIR")).join("camera");
        let prepared = Command::new("tests/camera/prepare").arg(&system).status();
        assert!(prepared.expect("tests/camera/prepare runs").success(), "the machine's kernel is not there");
        let folder = tempfile::tempdir().expect("a folder to share");
        let deadline = Instant::now() + within;
        let mut qemu = start(&system, folder.path()).expect("qemu-system-x86_64 starts");
        let port = connect(&folder.path().join("orders"), &mut qemu, deadline);
        let mut machine = Machine { qemu, folder, port: BufReader::new(port), deadline };
        machine.expect_line("ready");
        machine
    }

    /// A file in the folder the machine sees as `/vm`.
    pub fn shared(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The socket of USB port `port`, from 0.
    pub fn usb(&self, port: usize) -> PathBuf {
        assert!(port < USB_PORTS);
        self.shared(&format!("usb{port}"))
    }

    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Runs one line of shell to its end.
    ///
    /// # Panics
    /// When the machine does not answer in time.
    pub fn run(&mut self, line: &str) -> Said {
        writeln!(self.port.get_mut(), "{line}").expect("the machine listens");
        let status = self.line();
        let status = status.parse().unwrap_or_else(|_| panic!("the machine said {status:?} to {line:?}"));
        let said = fs::read(self.shared("said")).unwrap_or_default();
        Said { status, text: String::from_utf8_lossy(&said).into_owned() }
    }

    /// Runs one line of shell that must succeed, and gives what it printed.
    pub fn must(&mut self, line: &str) -> String {
        let said = self.run(line);
        assert_eq!(said.status, 0, "{line}\n{}", said.text);
        said.text
    }

    /// Starts one line of shell in the background, its output in the shared file `name`.
    pub fn start(&mut self, name: &str, line: &str) {
        self.must(&format!("{{ {line} ; }} >/vm/{name} 2>&1 & {name}=$!"));
    }

    /// Waits for the end of what was started as `name`.
    pub fn end_of(&mut self, name: &str) -> Said {
        let Said { status, .. } = self.run(&format!("wait ${name}"));
        let text = fs::read_to_string(self.shared(name)).unwrap_or_default();
        Said { status, text }
    }

    fn expect_line(&mut self, wanted: &str) {
        let line = self.line();
        assert_eq!(line, wanted, "the machine's console:\n{}", self.console());
    }

    fn line(&mut self) -> String {
        let left = self.deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        self.port.get_ref().set_read_timeout(Some(left)).expect("a timeout above zero");
        let mut line = String::new();
        match self.port.read_line(&mut line) {
            Ok(read) if read > 0 => line.trim_end().to_owned(),
            outcome => panic!("the machine fell silent ({outcome:?}); its console:\n{}", self.console()),
        }
    }

    fn console(&self) -> String {
        fs::read_to_string(self.shared("console")).unwrap_or_default()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

fn start(system: &Path, folder: &Path) -> io::Result<Child> {
    let at = |name: &str| folder.join(name).display().to_string();
    let socket = |id: &str, name: &str| format!("socket,id={id},path={},server=on,wait=off", at(name));
    let share = |id: &str, path: &str, more: &str| {
        format!("local,id={id},path={path},security_model=none,multidevs=remap{more}")
    };
    let program = Path::new(PROGRAM).parent().expect("a program lies in a folder");
    let mut qemu = Command::new("qemu-system-x86_64");
    qemu.args(["-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024"])
        .args(["-nodefaults", "-no-reboot", "-display", "none", "-monitor", "none"])
        .arg("-kernel")
        .arg(system.join("vmlinuz"))
        .arg("-initrd")
        .arg(system.join("initrd"))
        .args(["-append", "console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable rdinit=/init"])
        .args(["-serial", &format!("file:{}", at("console"))])
        .args(["-chardev", &socket("orders", "orders"), "-serial", "chardev:orders"])
        .args(["-fsdev", &share("usr", "/usr", ",readonly=on")])
        .args(["-device", "virtio-9p-pci,fsdev=usr,mount_tag=usr"])
        .args(["-fsdev", &share("program", &program.display().to_string(), ",readonly=on")])
        .args(["-device", "virtio-9p-pci,fsdev=program,mount_tag=program"])
        .args(["-fsdev", &share("vm", &folder.display().to_string(), "")])
        .args(["-device", "virtio-9p-pci,fsdev=vm,mount_tag=vm"])
        .args(["-device", "qemu-xhci,id=xhci"]);
    for port in 0..USB_PORTS {
        qemu.args(["-chardev", &socket(&format!("usb{port}"), &format!("usb{port}"))])
            .args(["-device", &format!("usb-redir,chardev=usb{port},id=cam{port},bus=xhci.0")]);
    }
    qemu.stdin(Stdio::null()).spawn()
}

/// QEMU makes its sockets before it starts the machine, but after we have started QEMU.
fn connect(socket: &Path, qemu: &mut Child, deadline: Instant) -> UnixStream {
    loop {
        match UnixStream::connect(socket) {
            Ok(stream) => return stream,
            Err(error) if Instant::now() > deadline => panic!("{}: {error}", socket.display()),
            Err(_) => match qemu.try_wait() {
                Ok(None) => std::thread::yield_now(),
                ended => panic!("qemu has ended: {ended:?}"),
            },
        }
    }
}
