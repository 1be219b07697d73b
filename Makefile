# Two commands do everything: `make demo` serves the demo, `make test` passes the tests.
# Each installs what it lacks through apt where it can, and names what is missing where it cannot.

CARGO ?= cargo
# A file or pipe to show instead of the test pattern: make demo INPUT=clip.y4m
INPUT ?=

# $(call need,command,Debian package,what it is for)
need = @command -v $(1) >/dev/null 2>&1 || .ci/install $(2) "$(3)"

.PHONY: demo test test-setup bench lint build-setup

demo: build-setup
ifeq ($(INPUT),)
	$(CARGO) run --release -- run graphs/demo.yaml
else
	$(CARGO) run --release -- run graphs/file.yaml --set "camera.path=$(INPUT)"
endif

test: build-setup test-setup
	$(CARGO) test

# The in-process table of the README, as ratios taken in one run.
bench: build-setup
	$(CARGO) bench --bench bench

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- --deny warnings

build-setup:
	$(call need,cargo,,the Rust compiler (https://rustup.rs))
	$(call need,c++,g++,compiling the H.264 encoder)
	@command -v nasm >/dev/null 2>&1 || { .ci/install nasm "the H.264 encoder's SIMD code; without it encoding is three times slower" && \
	  { $(CARGO) clean -p openh264-sys2 2>/dev/null || true; }; }

test-setup:
	$(call need,chromium,chromium,playing the demo in a real browser)
	$(call need,chromedriver,chromium-driver,driving that browser)
	$(call need,ffmpeg,ffmpeg,checking the files we write and making clips)
	$(call need,python3,python3,the aiortc viewer)
