# shellcheck shell=sh
#
# lib.sh: what test/check and test/demo share.
#
# Both work the same way.  What the machine lacks is installed.  The tree is
# copied into a scratch directory and built there.  PostgreSQL's programs are
# copied beside it, so that no installed PostgreSQL is touched.  A private
# server and the simulated service run from there under an ordinary user,
# reachable through a socket in the scratch directory and a port of the
# loopback interface.  All of it goes when the script ends, however it ends.
# Two runs at once do not meet.
#
# A script sets LIB_TOP, the tree, and calls in this order: lib_enter,
# lib_build, lib_start_postgres, lib_start_service.  PG_CONFIG in the
# environment names the PostgreSQL to use; TEMP_CONFIG a file of settings for
# the server, as in PostgreSQL's own tests.  LIB_KEEP keeps the scratch
# directory.  LIB_UNDER, "sanitizers" or "memcheck", has every server
# watched by gcc's sanitizers or by valgrind; lib_findings shows what they found.

# Prints its arguments, each as a line.
lib_say() {
	printf '%s\n' "$@"
}

# lib_timed TEXT COMMAND...: says what is being done, does it, and says how long
# that took.
lib_timed() {
	lib_say "$1."
	shift
	lib_begun=$(date +%s)
	"$@"
	lib_status=$?
	lib_say "  $(lib_seconds) s"
	return $lib_status
}

# Prints the seconds since lib_begun was set.
lib_seconds() {
	echo $(($(date +%s) - lib_begun))
}

lib_die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 2
}

# Shows the end of a log that explains a failure.
lib_tail() {
	printf -- '--- the end of %s\n' "${1##*/}"
	tail -n "${2:-40}" "$1" | cut -c 1-300
	printf -- '---\n'
}

# --- What the machine needs -------------------------------------------------

lib_have() {
	command -v "$1" >/dev/null 2>&1
}

# Tells whether extensions can be built for the PostgreSQL of a pg_config, and
# tested with it.
lib_usable() {
	lib_have "$1" && [ -f "$("$1" --pgxs)" ] &&
		[ -x "$("$1" --bindir)/initdb" ] && [ -x "$("$1" --bindir)/postgres" ]
}

# Sets PG_CONFIG: what the caller named, that in PATH, or that of the newest
# version that Debian's packages installed.
lib_find_postgres() {
	if [ -n "${PG_CONFIG:-}" ]; then
		lib_usable "$PG_CONFIG" ||
			lib_die "PG_CONFIG=$PG_CONFIG: no server or no PGXS belongs to it"
		PG_CONFIG=$(command -v "$PG_CONFIG")
		case $PG_CONFIG in
			/*) ;;
			*) PG_CONFIG=$PWD/$PG_CONFIG ;;
		esac
		return 0
	fi
	for candidate in pg_config \
		$(printf '%s\n' /usr/lib/postgresql/*/bin/pg_config | sort -t / -k 5nr); do
		if lib_usable "$candidate"; then
			PG_CONFIG=$(command -v "$candidate")
			return 0
		fi
	done
	return 1
}

# Prints the Debian packages that PostgreSQL lacks: of the newest version whose
# server is there, else of the distribution's version.
lib_postgres_packages() {
	major=$(for program in /usr/lib/postgresql/*/bin/postgres; do
		[ -x "$program" ] && printf '%s\n' "$program"
	done | cut -d / -f 5 | sort -n | tail -n 1)
	[ -n "$major" ] || major=$(apt-cache depends postgresql 2>/dev/null |
		sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p')
	printf '%s\n' "postgresql${major:+-$major}" \
		"postgresql-server-dev-${major:-all}"
}

# Prints the packages that are missing, by Debian's names.
lib_missing() {
	lib_find_postgres || lib_postgres_packages
	[ -f /usr/include/stdlib.h ] || echo libc6-dev
	lib_have "${CC:-gcc}" || echo gcc
	lib_have make || echo make
	lib_have pkg-config || echo pkg-config
	pkg-config --exists libcurl 2>/dev/null || echo libcurl4-openssl-dev
	pkg-config --exists json-c 2>/dev/null || echo libjson-c-dev
	lib_have python3 || echo python3
	lib_have openssl || echo openssl
	perl -MTest::More -e 1 2>/dev/null || echo perl
	perl -MIPC::Run -e 1 2>/dev/null || echo libipc-run-perl
	[ "${LIB_UNDER:-}" != memcheck ] || lib_have valgrind || echo valgrind
}

# Installs what is missing, through apt-get as root, or through sudo.
lib_install() {
	[ -n "$(lib_missing)" ] || return 0
	# shellcheck disable=SC2046
	lib_have apt-get || lib_die "please install (by Debian's names):" $(lib_missing)
	sudo=
	if [ "$(id -u)" -ne 0 ]; then
		lib_have sudo || lib_die "root or sudo is needed to install packages"
		sudo=sudo
	fi
	lib_say "Installing what is missing:" "  $(lib_missing | paste -s -d ' ')"
	lib_log=$(mktemp)
	# shellcheck disable=SC2016
	if $sudo sh -c '. "$1"; PG_CONFIG=$2; LIB_UNDER=$3; lib_install_as_root' sh \
		"$LIB_TOP/test/lib.sh" "${PG_CONFIG:-}" "${LIB_UNDER:-}" \
		>"$lib_log" 2>&1; then
		rm -f "$lib_log"
	else
		lib_tail "$lib_log"
		rm -f "$lib_log"
		lib_die "packages could not be installed"
	fi
}

# Debian's package would make a server of its own and start it; it is told not
# to.  One run at a time: a second one finds nothing missing.
lib_install_as_root() {
	exec 8</var/lib/dpkg && flock 8 || return 1
	own=/etc/postgresql-common/createcluster.d/cph_fdw-test.conf
	trap 'rm -f "$own"; rmdir "${own%/*}" 2>/dev/null; :' EXIT
	trap 'exit 1' INT TERM HUP
	mkdir -p "${own%/*}" && echo "create_main_cluster = false" >"$own"
	apt-get -q update
	# shellcheck disable=SC2046
	set -- $(lib_missing)
	[ $# -eq 0 ] || DEBIAN_FRONTEND=noninteractive \
		apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
		install --no-install-recommends "$@" 8<&-
}

# --- The scratch directory --------------------------------------------------

# Copies the tree, without what a build or a run left in it, into a directory.
lib_copy_tree() {
	(cd "$LIB_TOP" && tar -cf - --exclude=./.git --exclude='*.o' \
		--exclude='*.so' --exclude='*.bc' --exclude=__pycache__ \
		--exclude=./results --exclude=./tmp_check .) |
		(cd "$1" && tar -xf - --no-same-owner)
}

# lib_enter SCRIPT ARGUMENTS...: goes on as an ordinary user in the copy of
# SCRIPT (its name below the tree) in a copy of the tree.  Sets LIB_SCRATCH and
# LIB_TREE, the copy, which is also the current directory from here on;
# LIB_LOG, the directory of the logs.
lib_enter() {
	if [ -n "${LIB_SCRATCH:-}" ]; then
		lib_settle
		return
	fi
	# A PG_CONFIG that is of no use is an error before anything is installed.
	[ -z "${PG_CONFIG:-}" ] || lib_find_postgres
	lib_install
	lib_find_postgres || lib_die "there is no PostgreSQL with PGXS"

	# A step that takes longer hangs; the longest should need a tenth of it.  All
	# takes several times as long where a server is watched.
	: "${LIB_STEP_SECONDS:=${LIB_UNDER:+7200}}" "${LIB_STEP_SECONDS:=1800}"

	script=$1
	shift
	base=/tmp
	[ "$(id -u)" -eq 0 ] || base=${TMPDIR:-/tmp}
	LIB_SCRATCH=$(mktemp -d "$base/cph_fdw.XXXXXX") || exit 2
	trap 'rm -rf "$LIB_SCRATCH"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	LIB_TREE=$LIB_SCRATCH/tree
	mkdir "$LIB_TREE" "$LIB_SCRATCH/log"
	lib_copy_tree "$LIB_TREE" || exit 2
	export LIB_SCRATCH LIB_TREE LIB_STEP_SECONDS LIB_KEEP LIB_UNDER PG_CONFIG
	if [ "$(id -u)" -ne 0 ]; then
		exec "$LIB_TREE/$script" "$@"
	fi
	group=$(id -g nobody)
	chown -R "nobody:$group" "$LIB_SCRATCH"
	# Some systems let no one else drop packets, as the simulated service does.
	drop='--inh-caps +net_admin --ambient-caps +net_admin'
	# shellcheck disable=SC2086
	setpriv $drop true 2>/dev/null || drop=
	# shellcheck disable=SC2086
	exec setpriv --reuid nobody --regid "$group" --clear-groups $drop \
		"$LIB_TREE/$script" "$@"
}

# The second half of lib_enter, in the copy: one environment for all callers.
lib_settle() {
	lib_step=
	lib_service=
	trap lib_leave EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	LIB_LOG=$LIB_SCRATCH/log
	cd "$LIB_TREE" || exit 2
	for name in $(env | sed -n -e 's/^\(PG[A-Z_]*\)=.*/\1/p' \
		-e 's/^\(LC_[A-Z]*\)=.*/\1/p' -e 's/^\([A-Za-z]*_proxy\)=.*/\1/p' \
		-e 's/^\([A-Z]*_PROXY\)=.*/\1/p'); do
		[ "$name" = PG_CONFIG ] || unset "$name"
	done
	unset LANGUAGE MAKEFLAGS MAKELEVEL
	HOME=$LIB_SCRATCH
	LANG=C.UTF-8
	TMPDIR=$LIB_SCRATCH
	CPH_TEST_SERVICE=$LIB_TREE/test/service
	export HOME LANG TMPDIR CPH_TEST_SERVICE
	LIB_ROOT=$LIB_SCRATCH/root
	LIB_BIN=$LIB_ROOT$("$PG_CONFIG" --bindir)
}

# Ends everything that was started, and removes the scratch directory.
lib_leave() {
	trap '' INT TERM HUP
	[ -z "$lib_step" ] || kill -TERM "$lib_step" 2>/dev/null
	[ -z "$lib_service" ] || kill -TERM "$lib_service" 2>/dev/null
	exec 9>&-
	wait
	find "$LIB_SCRATCH" -name postmaster.pid 2>/dev/null | while read -r file; do
		"$LIB_BIN/pg_ctl" stop -s -m immediate -D "${file%/*}" >/dev/null 2>&1
	done
	[ -z "${LIB_KEEP:-}" ] || return 0
	# a server that is watched still writes of its leaks when it has ended
	rm -rf "$LIB_SCRATCH" 2>/dev/null || {
		sleep 2
		rm -rf "$LIB_SCRATCH"
	}
}

# Runs a step and waits for it such that a signal to the script takes effect at
# once; timeout then passes it on to all that the step started.
lib_run() {
	timeout -k 10 "$LIB_STEP_SECONDS" "$@" 7>&- 9>&- &
	lib_step=$!
	[ -z "${lib_of:-}" ] || {
		lib_follow &
		lib_follower=$!
	}
	wait "$lib_step"
	status=$?
	lib_step=
	[ $status -ne 124 ] || lib_say "given up after $LIB_STEP_SECONDS s: $*"
	return $status
}

# While a step runs: says every ten lines of its log that match lib_pattern how
# many there are of lib_of, on the script's own output, which is descriptor 7.
lib_follow() {
	tail -n +1 -f -s 0.2 --pid="$lib_step" "$lib_counted" |
		grep -E --line-buffered "$lib_pattern" | {
		count=0
		while read -r _; do
			count=$((count + 1))
			[ $((count % 10)) -ne 0 ] || echo "  $count of $lib_of" >&7
		done
	}
}

# lib_run_counted LOG PATTERN TOTAL COMMAND...: lib_run, whose output goes to
# LOG, and says meanwhile how many of TOTAL are done: lines that match.
lib_run_counted() {
	lib_counted=$1
	lib_pattern=$2
	lib_of=$3
	shift 3
	: >"$lib_counted"
	lib_run "$@" 7>&1 >"$lib_counted" 2>&1
	status=$?
	wait "$lib_follower"
	lib_of=
	return $status
}

# --- Build, server, service -------------------------------------------------

# Runs a step and shows the end of what it wrote only if it fails.
lib_quietly() {
	lib_log=$LIB_LOG/$1
	shift
	lib_run "$@" >"$lib_log" 2>&1 || {
		lib_tail "$lib_log"
		return 1
	}
}

# Builds, a warning being an error, and installs beside a copy of PostgreSQL's
# programs.  A program finds all else by its own place, so that only programs
# need to be copied and the rest is links.
lib_build() {
	lib_quietly build make -j "$(getconf _NPROCESSORS_ONLN)" WERROR=1 \
		PG_CONFIG="$PG_CONFIG" "SANITIZE=$(lib_sanitizers)" || return 1
	libraries=$("$PG_CONFIG" --pkglibdir)
	share=$("$PG_CONFIG" --sharedir)
	mkdir -p "$LIB_BIN" "$LIB_ROOT$libraries" "$LIB_ROOT$share/extension"
	cp -R "$("$PG_CONFIG" --bindir)/." "$LIB_BIN"
	ln -s "$libraries"/* "$LIB_ROOT$libraries"
	ln -s "$share/extension"/* "$LIB_ROOT$share/extension"
	for entry in "$share"/*; do
		[ "$entry" = "$share/extension" ] || ln -s "$entry" "$LIB_ROOT$share"
	done
	rm -f "$LIB_ROOT$libraries"/cph_fdw* "$LIB_ROOT$share/extension"/cph_fdw*
	lib_quietly install make install DESTDIR="$LIB_ROOT" \
		PG_CONFIG="$PG_CONFIG" "SANITIZE=$(lib_sanitizers)" || return 1
	lib_watch
}

# The sanitizers that the library is built with: none, or a list.
lib_sanitizers() {
	[ "${LIB_UNDER:-}" != sanitizers ] || echo address,undefined
}

# Puts a script in the place of the server's program, which runs it under what
# LIB_UNDER names.  So each server is watched whoever starts it, and no other
# program is, nor what initdb makes of this one.  What is found stays in a file
# for each process, which lib_findings counts whatever the tests said; a finding
# of the sanitizers also ends the process, unless it is a leak.
#
# Only our library is instrumented: the sanitizers see what it does with any
# memory, and what every library does with malloc and free.  palloc hands out
# pieces of larger blocks, which neither they nor valgrind can tell apart,
# unless PostgreSQL itself was built for that (USE_VALGRIND).
#
# Leaks are looked for when a server's process ends: malloc'd memory to which
# nothing points.  What our library and those that it uses have allocated
# counts, not what PostgreSQL itself has.
lib_watch() {
	LIB_FOUND=$LIB_LOG/found
	watch=
	run=
	jit=
	case ${LIB_UNDER:-} in
		"") return 0 ;;
		sanitizers)
			asan=$("$PG_CONFIG" --cc)
			asan=$($asan -print-file-name=libasan.so)
			[ -f "$asan" ] || {
				lib_say "$asan: gcc's library of the address sanitizer is missing"
				return 1
			}
			# While it starts, gcc 12's looks for this function, and says in
			# gettext's words that there is none.  Where gettext itself was the
			# first to ask for memory, that waits for ever.
			shim=$LIB_SCRATCH/swift_demangle
			echo 'char *swift_demangle(void) { return 0; }' >"$shim.c"
			lib_quietly shim $("$PG_CONFIG" --cc) -shared -fPIC -o "$shim.so" \
				"$shim.c" || return 1
			# Freed memory stays unused for the next 4 MB: more would hide from
			# the tests of memory what they look for.
			watch="LD_PRELOAD=\${LD_PRELOAD:+\$LD_PRELOAD:}$(readlink -f "$asan"):$shim.so
ASAN_OPTIONS=log_path=$LIB_FOUND:detect_leaks=1:detect_stack_use_after_return=1:quarantine_size_mb=4:allocator_may_return_null=1:verify_asan_link_order=0
UBSAN_OPTIONS=log_path=$LIB_FOUND:halt_on_error=1:print_stacktrace=1
LSAN_OPTIONS=exitcode=0
export LD_PRELOAD ASAN_OPTIONS UBSAN_OPTIONS LSAN_OPTIONS"
			# The server takes its own name for what pg_ctl is to restart.
			run="perl -e 'exec { shift } @ARGV or die \"exec: \$!\"' $LIB_BIN/postgres.watched $LIB_BIN/postgres"
			;;
		memcheck)
			# LLVM is not to be looked at.
			jit="-c jit=off"
			run="valgrind --quiet --log-file=$LIB_FOUND.%p --num-callers=30 --gen-suppressions=all --suppressions=$LIB_TREE/test/memcheck.supp $LIB_BIN/postgres.watched"
			;;
		*)
			lib_say "LIB_UNDER=$LIB_UNDER: there are sanitizers and memcheck"
			return 1
			;;
	esac
	mv "$LIB_BIN/postgres" "$LIB_BIN/postgres.watched"
	cat >"$LIB_BIN/postgres" <<-END
		#!/bin/sh
		case \${1:-} in --*) exec "$LIB_BIN/postgres.watched" "\$@" ;; esac
		$watch
		exec $run "\$@" $jit
	END
	chmod +x "$LIB_BIN/postgres"
}

# Shows what was found under LIB_UNDER, and prints on the last line the number
# of processes in which something was.  A process that was killed while it wrote
# of leaks may have come no further than the line above, before which only a
# report of leaks has an empty one.
lib_findings() {
	count=0
	for file in "$LIB_FOUND".*; do
		[ -f "$file" ] || continue
		sed '1{/^$/{N;/\n=*$/d;}}' "$file" | awk -v RS= -v ORS='\n\n' '
			/LeakSanitizer: detected|^SUMMARY.* leaked in / { next }
			/^(Direct|Indirect) leak of / &&
				!/\/(cph_fdw\.so|lib(curl|json-c|ssl|crypto|nghttp2)[.-])/ { next }
			{ print }' >"$LIB_LOG/finding"
		[ -s "$LIB_LOG/finding" ] || continue
		count=$((count + 1))
		[ $count -gt 5 ] || {
			lib_say "${file##*/}"
			lib_tail "$LIB_LOG/finding" 60
		}
	done
	echo $count
}

# Starts a server that listens on a socket in the scratch directory alone, and
# points the environment of libpq at it.  Its sessions share what they know,
# unless CPH_TEST_ALONE is set.
lib_start_postgres() {
	PGHOST=$LIB_SCRATCH
	PGUSER=postgres
	PGDATABASE=postgres
	export PGHOST PGUSER PGDATABASE
	lib_quietly initdb "$LIB_BIN/initdb" -D "$LIB_SCRATCH/data" -U postgres \
		-A trust -N -E UTF8 --locale=C || return 1
	cat >>"$LIB_SCRATCH/data/postgresql.conf" <<-END
		listen_addresses = ''
		unix_socket_directories = '$LIB_SCRATCH'
		fsync = off
		shared_preload_libraries = 'cph_fdw'
		log_line_prefix = '%m [%p] %q%a '
	END
	[ -z "${TEMP_CONFIG:-}" ] ||
		cat "$TEMP_CONFIG" >>"$LIB_SCRATCH/data/postgresql.conf" || return 1
	lib_restart_postgres
}

# Starts that server, or starts it again after CPH_TEST_ALONE was set.
lib_restart_postgres() {
	lib_quietly restart "$LIB_BIN/pg_ctl" restart -w -m fast -D "$LIB_SCRATCH/data" \
		-o "${CPH_TEST_ALONE:+-c shared_preload_libraries= -c cph_fdw.shared_memory=0}" \
		-l "$LIB_LOG/postgres" || {
		lib_tail "$LIB_LOG/postgres"
		return 1
	}
}

# lib_start_service OPTIONS...: starts the simulated service and puts its port
# in CPH_TEST_PORT.  It ends when this shell does: its input is a pipe that
# only this shell holds open.
lib_start_service() {
	mkfifo "$LIB_SCRATCH/alive"
	: >"$LIB_SCRATCH/port"
	"$CPH_TEST_SERVICE" --port 0 --until-eof "$@" <"$LIB_SCRATCH/alive" \
		>"$LIB_SCRATCH/port" 2>"$LIB_LOG/service" &
	lib_service=$!
	exec 9>"$LIB_SCRATCH/alive"
	until read -r CPH_TEST_PORT <"$LIB_SCRATCH/port"; do
		kill -0 "$lib_service" 2>/dev/null || {
			lib_tail "$LIB_LOG/service"
			return 1
		}
		sleep 0.1
	done
	export CPH_TEST_PORT
}
