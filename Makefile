# SPDX-License-Identifier: LGPL-2.1-or-later
# A thin front of meson, for people; "make help" lists what there is.

BUILD = build
PREFIX = /usr/local
# Where ld.so and pkg-config look on every distribution; meson's own guess depends on what is installed.
LIBDIR = lib
DESTDIR =
# "make SETUP=:" neither looks for missing packages nor installs them.
SETUP = tools/setup

all: packages $(BUILD)/build.ninja
	@ninja -C $(BUILD)

help:
	@echo 'make               build, below $(BUILD)'
	@echo 'make run           a shell in a private container; a tour if there is no terminal'
	@echo 'make test          all tests'
	@echo 'make test-guest    those on Linux 6.1 in an emulated machine'
	@echo 'make bench         measure, side by side with others'
	@echo 'make install       to PREFIX=$(PREFIX), below DESTDIR=$(DESTDIR)'
	@echo 'make uninstall     what "make install" put there last'
	@echo 'make check-format  is the C as .clang-format wants it?'
	@echo 'make lint          clang-tidy, shellcheck, mandoc -T lint'
	@echo 'make clean         remove what was built'
	@echo 'All but help and clean install missing packages, if root; not with SETUP=:'

packages:
	@$(SETUP) build

packages-test:
	@$(SETUP) test

packages-bench:
	@$(SETUP) bench

$(BUILD)/build.ninja: | packages
	@meson setup -Dprefix=$(PREFIX) -Dlibdir=$(LIBDIR) $(BUILD)

run: all
	@tools/run $(BUILD)

test: packages-test all
	@BUILD=$(BUILD) tests/run-all

test-guest: packages-test all
	@BUILD=$(BUILD) tests/run-all --only guest-all

bench: packages-bench all
	@ninja -C $(BUILD) bench-programs
	@BUILD=$(BUILD) CONTAINER=$(abspath $(BUILD))/src/cli/container bench/run.sh

# The prefix is compiled in and fixed by the set-up; all is built anew for another one.
install: packages $(BUILD)/build.ninja
	@meson configure $(BUILD) -Dprefix=$(PREFIX) -Dlibdir=$(LIBDIR)
	@ninja -C $(BUILD)
	@DESTDIR=$(DESTDIR) meson install --no-rebuild -C $(BUILD)
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || ldconfig

uninstall:
	@ninja -C $(BUILD) uninstall

check-format: packages-test
	@tools/check format

lint: packages-test
	@tools/check tidy shell man

clean:
	rm -rf $(BUILD) build-lint

# Packages before what needs them.
.NOTPARALLEL:
.PHONY: all help packages packages-test packages-bench run test test-guest bench install uninstall \
	check-format lint clean
