//! What is told to people about a device: the lines of a bug report.

use std::fs;
use std::path::{Path, PathBuf};

use v4l::Device;

use super::controls::{self, Known};
use super::device::{self, Name};
use super::negotiate::Capture;
use super::offers::{self, Sort};
use super::system::{SYSTEM, interface};

/// Where udev keeps names that stay the same whatever is plugged in first.
const BY_ID: &str = "/dev/v4l/by-id";

/// One device as it lies there: asked, but not started.
#[derive(Clone, Debug)]
pub struct Described {
    pub path: PathBuf,
    /// The camera's own name.
    pub model: String,
    pub driver: String,
    /// Where it is plugged in, as the driver says it.
    pub bus: String,
    /// Its name by maker, model and serial number, where udev made one.
    pub by_id: Option<PathBuf>,
    /// libcamera's id of the same camera; of USB cameras only.
    pub libcamera_id: Option<String>,
    pub sorts: Vec<Sort>,
    pub controls: Vec<(Known, Option<i64>)>,
}

impl Described {
    /// Every device that gives pictures.
    pub fn all() -> Vec<Described> {
        device::cameras().into_iter().filter_map(Described::of).collect()
    }

    /// `None` when it has gone meanwhile.
    pub fn of(name: Name) -> Option<Described> {
        let device = Device::with_path(&name.path).ok()?;
        let known = controls::known(&device).unwrap_or_default();
        let with_value = |known: Known| {
            let value = controls::value(&device, &known);
            (known, value)
        };
        Some(Described {
            by_id: link_to(&name.path, Path::new(BY_ID)),
            libcamera_id: libcamera_id(&name.path, Path::new(SYSTEM)),
            sorts: offers::sorts(&device),
            controls: known.into_iter().map(with_value).collect(),
            path: name.path,
            model: name.model,
            driver: name.driver,
            bus: name.bus,
        })
    }

    /// What a graph best calls it.
    pub fn name(&self) -> &Path {
        self.by_id.as_deref().unwrap_or(&self.path)
    }

    /// Whether it gives nothing that is read but what it has encoded itself.
    pub fn only_encodes(&self) -> bool {
        let mut read = self.sorts.iter().filter_map(|sort| sort.capture).peekable();
        read.peek().is_some() && read.all(|capture| capture == Capture::H264)
    }

    /// Whether `kind: v4l2` can read it: what a sensor on a board gives must be made into pictures first.
    pub fn is_readable(&self) -> bool {
        self.sorts.iter().any(|sort| sort.capture.is_some())
    }
}

/// The link in `folder` that leads to `device`.
fn link_to(device: &Path, folder: &Path) -> Option<PathBuf> {
    let real = fs::canonicalize(device).ok()?;
    let mut links: Vec<PathBuf> = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    links.sort();
    links.into_iter().find(|link| fs::canonicalize(link).is_ok_and(|target| target == real))
}

/// What libcamera calls the USB camera that `device` is of: where its controller or port is by the board's
/// own description, the ports from there on, and the camera's ids, as in `\_SB_.PCI0.XHC_-1.2:1.0-046d:082d`.
/// The same steps as those of libcamera's UVC pipeline.
fn libcamera_id(device: &Path, system: &Path) -> Option<String> {
    let interface = interface(device, system)?;
    let usb = interface.parent()?;
    let id = |name: &str| Some(fs::read_to_string(usb.join(name)).ok()?.trim().to_owned());
    let (vendor, product) = (id("idVendor")?, id("idProduct")?);
    let (_bus, ports) = interface.file_name()?.to_str()?.split_once('-')?;
    let controller = usb.ancestors().find_map(described_as)?;
    Some(format!("{controller}-{ports}-{vendor}:{product}"))
}

/// The name of the part at `folder` in the board's description of itself, of either sort.
fn described_as(folder: &Path) -> Option<String> {
    if let Ok(node) = fs::canonicalize(folder.join("of_node")) {
        let node = node.to_str()?;
        return Some(node.strip_prefix("/sys/firmware/devicetree").unwrap_or(node).to_owned());
    }
    let path = fs::read_to_string(folder.join("firmware_node/path")).ok()?;
    path.lines().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_usb_camera_has_the_id_that_libcamera_gives_it() {
        let system = tempfile::tempdir().unwrap();
        let at = |name: &str| system.path().join(name);
        fs::create_dir_all(at("pci/usb1/1-2/1-2:1.0")).unwrap();
        fs::create_dir_all(at("pci/firmware_node")).unwrap();
        fs::create_dir_all(at("class/video0")).unwrap();
        fs::write(at("pci/firmware_node/path"), "\\_SB_.PCI0.XHC_\n").unwrap();
        fs::write(at("pci/usb1/1-2/idVendor"), "046d\n").unwrap();
        fs::write(at("pci/usb1/1-2/idProduct"), "082d\n").unwrap();
        symlink(at("pci/usb1/1-2/1-2:1.0"), at("class/video0/device")).unwrap();
        ["video0", "video1"].iter().for_each(|name| fs::write(at(name), "").unwrap());
        symlink(at("video0"), at("by-id")).unwrap();
        let id = |device: &str| libcamera_id(&at(device), &at("class"));
        assert_eq!(id("video0").as_deref(), Some("\\_SB_.PCI0.XHC_-2:1.0-046d:082d"));
        assert_eq!(id("by-id"), id("video0"), "by a link it is the same");
        // A board with a device tree names the port itself.
        fs::create_dir_all(at("tree/port@2")).unwrap();
        symlink(at("tree/port@2"), at("pci/usb1/1-2/of_node")).unwrap();
        assert!(id("video0").unwrap().ends_with("/tree/port@2-2:1.0-046d:082d"));
        // A sensor on a board has a device, and no USB ids above it.
        fs::create_dir_all(at("class/video1/device")).unwrap();
        assert_eq!(id("video1"), None);
    }

    #[test]
    fn of_all_links_the_one_that_leads_there_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("by-id")).unwrap();
        for number in 0..2 {
            fs::write(at(&format!("video{number}")), "").unwrap();
            symlink(at(&format!("video{number}")), at(&format!("by-id/camera-index{number}"))).unwrap();
        }
        assert_eq!(link_to(&at("video1"), &at("by-id")), Some(at("by-id/camera-index1")));
        assert_eq!(link_to(&at("by-id"), &at("by-id")), None);
    }
}
