# cph_fdw: build, install, test.  See README.md for what each needs.
#
#   make                 build (WERROR=1: a warning is an error)
#   make install         install into the PostgreSQL that PG_CONFIG names
#   make installcheck    the SQL tests, in a server that runs, with a simulated
#                        service that runs; test/check does all of it
#   make sanitize        all tests, the library under gcc's sanitizers
#   make memcheck        some tests, the server under valgrind
#   make check-layers    the walls between the source files
#   make lint            static analysis, by tools that test/lint names
#   make indent          PostgreSQL's indentation
#   make typedefs        src/typedefs.list, which the indentation needs
#   make docs            the pictures, by what was measured, and the tables of the
#                        pages in docs that follow from the source, by a server
#                        that has the extension (libpq's environment)
#   make dist            an archive of the last commit, or of the tree without git

# Where the source is; the objects are made below the current directory, which
# may be another one: make -f SOURCE/Makefile.
TOP := $(patsubst %/,%,$(dir $(firstword $(MAKEFILE_LIST))))

EXTENSION = cph_fdw
MODULE_big = cph_fdw
DATA = $(patsubst $(TOP)/%,%,$(wildcard $(TOP)/cph_fdw--*.sql)) \
	cph_reports.sql
PGFILEDESC = "cph_fdw - cloud phones and their servers as tables"

# The release's: that of the SQL objects, in cph_fdw.control, has no patch level.
# (VERSION is PostgreSQL's, from where PGXS is included.)
RELEASE := $(shell sed -n 's/^   "version": "\(.*\)",$$/\1/p' $(TOP)/META.json)

# The rooms of the house, in the order in which a file may use another: see
# src/README and test/layers.
FOLDERS = lib http json service user client list query planner executor check
ROOMS := $(patsubst %,src/%,$(FOLDERS)) src

SOURCES := $(patsubst $(TOP)/%,%,$(sort $(foreach room,$(ROOMS),$(wildcard $(TOP)/$(room)/*.c))))
OWN_HEADERS := $(sort $(foreach room,$(ROOMS),$(wildcard $(TOP)/$(room)/*.h)))
OBJS = $(SOURCES:.c=.o)

# The tests that others build on come first.
REGRESS_FIRST = setup
REGRESS_ALL := $(sort $(patsubst sql/%.sql,%,$(wildcard sql/*.sql)))
REGRESS := $(filter $(REGRESS_FIRST),$(REGRESS_ALL)) \
	$(filter-out $(REGRESS_FIRST),$(REGRESS_ALL))
REGRESS_OPTS = --encoding=UTF8 --no-locale
REGRESS_PREP = have-service

# -Wextra, less what PostgreSQL's own headers and its way of writing tables
# of options set off.
PG_CFLAGS = -Wextra -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers
ifdef WERROR
PG_CFLAGS += -Werror
endif
ifneq ($(SANITIZE),)
SANITIZE_FLAGS = -fsanitize=$(SANITIZE) -fno-omit-frame-pointer
PG_CFLAGS += $(SANITIZE_FLAGS)
endif

PKG_CONFIG ?= pkg-config
LIBRARIES = libcurl json-c
PG_CPPFLAGS := -DCPH_FDW_VERSION='"$(RELEASE)"' -I$(TOP)/src \
	$(shell $(PKG_CONFIG) --cflags $(LIBRARIES))
SHLIB_LINK := $(shell $(PKG_CONFIG) --libs $(LIBRARIES)) \
	$(SANITIZE_FLAGS)

EXTRA_CLEAN = tmp_check results regression.diffs regression.out

# JIT has nothing to inline from a foreign data wrapper, and the clang that
# bitcode is made with is often not there.
override with_llvm = no

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(OBJS): $(OWN_HEADERS) $(TOP)/Makefile $(TOP)/META.json | $(ROOMS)

# In a tree of their own the objects need the folders.
$(ROOMS):
	mkdir -p $@

.PHONY: have-service sanitize memcheck check-layers lint indent typedefs docs \
	dist

have-service:
	@test -n "$$CPH_TEST_PORT" || { \
		echo "The tests need the simulated service: test/check starts it," >&2; \
		echo "or start test/service and put its port in CPH_TEST_PORT." >&2; \
		exit 1; }

# Both build and run in a copy of the tree, as test/check does.
sanitize:
	PG_CONFIG="$(PG_CONFIG)" test/check --sanitize

# Every kind of scan and answer, in some minutes: valgrind is slow.
MEMCHECK = tables filters limit count rescan scan bad_input

memcheck:
	PG_CONFIG="$(PG_CONFIG)" test/check --memcheck $(MEMCHECK)

check-layers:
	test/layers

lint:
	PG_CONFIG="$(PG_CONFIG)" test/lint

# pgindent's options (for pg_bsd_indent 2.1.2 or later: 2.1.1 takes the indent
# off initializers that go on in a second line), and what it mends afterwards:
# one space before the star of a function's return type; and ours: a space
# before a second designator.
INDENT = pg_bsd_indent -bad -bap -bbb -bc -bl -cli1 -cp33 -cdb -nce -d0 -di12 \
	-nfc1 -i4 -l79 -lp -lpl -nip -npro -sac -tpg -ts4 -Usrc/typedefs.list
INDENT_MEND = sed -e 's/^\([A-Za-z_][^[:space:]]*\)[[:space:]][[:space:]]*\*$$/\1 */' \
	-e 's/,\(\.[a-z_]* = \)/, \1/g'

indent:
	@command -v pg_bsd_indent >/dev/null || { \
		echo "pg_bsd_indent is missing: Debian has it as pg-bsd-indent," >&2; \
		echo "PostgreSQL 16 and later in src/tools/pg_bsd_indent." >&2; \
		exit 1; }
	@set -e; for file in $(SOURCES) $(OWN_HEADERS); do \
		$(INDENT) <$$file >$$file.tmp; \
		$(INDENT_MEND) $$file.tmp >$$file.new; \
		rm $$file.tmp; \
		if cmp -s $$file.new $$file; then rm $$file.new; \
		else mv $$file.new $$file; echo "indented $$file"; fi; \
	done

# Each typedef that the compiler saw, by its debug information, and a source
# file names; and bool, which is a macro; but not what is a variable here.
TYPEDEFS_NOT = text

typedefs: $(OBJS)
	objdump --dwarf=info $(OBJS) | \
		awk 'BEGIN { print "bool" } \
			/DW_TAG/ { typedef = /DW_TAG_typedef/ } \
			typedef && /DW_AT_name/ { print $$NF; typedef = 0 }' | \
		grep -vxF "$(TYPEDEFS_NOT)" | LC_ALL=C sort -u | \
		while read -r name; do \
			! grep -qw "$$name" $(SOURCES) $(OWN_HEADERS) || echo "$$name"; \
		done >src/typedefs.list

docs:
	docs/overview.py >docs/overview.svg
	test/bench/plot.py
	docs/generate.py

DIST = .

# Of the last commit; where there is no git, of the tree less what a build left.
dist:
	@archive=$$(cd $(DIST) && pwd)/cph_fdw-$(RELEASE).zip; \
	if git rev-parse --git-dir >/dev/null 2>&1; then \
		git archive --format=zip --prefix=cph_fdw-$(RELEASE)/ \
			-o "$$archive" HEAD; \
	else \
		test/archive cph_fdw-$(RELEASE) "$$archive"; \
	fi
