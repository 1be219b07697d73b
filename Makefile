# Two commands do everything: `make demo` serves the demo, `make test` passes the tests.
# Each installs what it lacks through apt where it can, and names what is missing where it cannot.

CARGO ?= cargo
# A file or pipe to show instead of the test pattern: make demo INPUT=clip.mp4
INPUT ?=

# $(call need,command,Debian package,what it is for)
need = @command -v $(1) >/dev/null 2>&1 || .ci/install $(2) "$(3)"

.PHONY: demo test test-camera test-setup camera-setup browser models bench bench-relay bench-page fuzz lint check-arm build-setup

demo: build-setup
ifeq ($(INPUT),)
	$(CARGO) run --release -- run graphs/demo.yaml
else
	$(CARGO) run --release -- run graphs/file.yaml --set "camera.path=$(INPUT)"
endif

test: build-setup test-setup
	$(CARGO) test

# Boots a virtual machine with webcams and an encoder made of software, and again for the program without libcamera. The
# same profile and features as `test` but for the camera: only this package is compiled again, none of its
# dependencies.
test-camera: build-setup camera-setup
	$(CARGO) test --features $(CAMERA),v4l2 --lib -- nodes::libcamera nodes::v4l2 nodes::h264_v4l2 nodes::camera cli::cameras
	$(CARGO) test --features $(CAMERA),v4l2 --test camera
	$(CARGO) test --features v4l2 --test camera

# The feature for the libcamera that is installed; asked for late, when it is.
CAMERA = $(if $(filter 0.0.% 0.1.% 0.2.% 0.3.%,$(shell pkg-config --modversion libcamera)),libcamera-0-3,libcamera)

# The in-process table of the README, as ratios taken in one run.
bench: build-setup browser
	$(CARGO) bench --bench bench

# What a viewer costs the server, and how far apart viewers are, at 1 to 500 of them.
bench-relay: build-setup
	$(CARGO) bench --bench bench -- relay

# How long after it was due a picture is seen in a browser on this machine, which should do nothing else.
bench-page: build-setup browser
	$(CARGO) bench --bench bench -- page

# The random cases of `make test`, this many of each kind. What fails is kept in
# tests/plugin/fuzz-regressions.txt, and tried first from then on.
CASES ?= 20000
fuzz: build-setup
	PROPTEST_CASES=$(CASES) $(CARGO) test --test plugin fuzz::

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- --deny warnings

# Whether it builds for a Raspberry Pi, C and assembly included: all but linking, on any machine.
check-arm: build-setup
	$(call need,aarch64-linux-gnu-g++,g++-aarch64-linux-gnu,compiling the H.264 encoder for ARM)
	@! command -v rustup >/dev/null 2>&1 || rustup target add aarch64-unknown-linux-gnu
	$(CARGO) check --target aarch64-unknown-linux-gnu

# The neural networks that graphs/ names, into target/models; each is pinned by its digest.
models:
	$(call need,curl,curl,fetching models)
	@.ci/models

build-setup:
	$(call need,cargo,,the Rust compiler (https://rustup.rs))
	@! command -v rustup >/dev/null 2>&1 || rustup target list --installed | grep -qx wasm32-wasip2 || rustup target add wasm32-wasip2
	$(call need,c++,g++,compiling the H.264 encoder)
	@command -v nasm >/dev/null 2>&1 || { .ci/install nasm "the H.264 encoder's SIMD code; without it encoding is three times slower" && \
	  { $(CARGO) clean -p openh264-sys2 2>/dev/null || true; }; }

browser:
	$(call need,chromium,chromium,playing the demo in a real browser)
	$(call need,chromedriver,chromium-driver,driving that browser)

test-setup: models browser
	$(call need,firefox-esr,firefox-esr,playing it in a browser of another make)
	$(call need,ffmpeg,ffmpeg,checking the files we write and making clips)
	$(call need,python3,python3,the aiortc viewer)
	$(call need,tmux,tmux,the terminal that framegate top is tried in)
	$(call need,node,nodejs,building a plugin in JavaScript and the language server of editors)
	$(call need,npm,npm,fetching that compiler and that server)
	$(call need,clang,clang,building a plugin in C)
	$(call need,wasm-ld,lld,linking it)
	$(call need,openssl,openssl,making certificates)
	$(call need,turnserver,coturn,a viewer that needs TURN)
	$(call need,docker-registry,docker-registry,a registry to share plugins by)
	@for package in $(GSTREAMER); do [ -e /usr/share/doc/$$package ] || .ci/install $$package "the GStreamer viewer and RTSP server" || exit 1; done
	@python3 -c 'import ensurepip' 2>/dev/null || .ci/install python3-venv "the aiortc viewer"

# A WebRTC client of yet another make and an RTSP server, with the bindings to drive them.
GSTREAMER = python3-gi gir1.2-gst-plugins-bad-1.0 gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-bad gstreamer1.0-plugins-good gstreamer1.0-nice gstreamer1.0-libav

camera-setup:
	$(call need,pkg-config,pkg-config,finding libcamera)
	@pkg-config --exists libcamera || .ci/install libcamera-dev "reading cameras"
	$(call need,clang,clang,reading the headers of libcamera)
	@ls /usr/lib/llvm-*/lib/libclang*.so* >/dev/null 2>&1 || .ci/install libclang-dev "reading the headers of libcamera"
	$(call need,qemu-system-x86_64,qemu-system-x86,the virtual machine that real camera drivers run in)
	@[ -e /usr/share/doc/busybox-static ] || .ci/install busybox-static "the first program of that machine"
	$(call need,cpio,cpio,packing the first file system of that machine)
	@[ -e /sbin/modprobe ] || .ci/install kmod "loading the drivers of that machine"
	$(call need,make,make,building drivers for that machine)
	$(call need,gcc-12,gcc-12,building drivers for that machine)
	$(call need,v4l2-ctl,v4l-utils,decoding what its encoder gives)
	@[ -e /lib/systemd/systemd-udevd ] || .ci/install udev "telling libcamera of cameras"
