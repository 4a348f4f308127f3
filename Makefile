# What can be made: `make help`. Everything that is built goes below build/.
#
#   LUA=5.1|5.2|5.3|5.4|5.5|luajit|all   for build, install, env (default 5.4) and test, lint (default all)
#   LUA_PREFIX=dir   a Lua that was installed with INSTALL_TOP=dir: build (by default) and test that one too
#   V=1            show the commands                WERROR=1   warnings are errors
#   CFLAGS=, LDFLAGS=, CC=                          added to ours, or in place of cc
#   PREFIX=, DESTDIR=, INST_LIBDIR=, INST_LUADIR=   where install puts things, and uninstall removes them
#   LUA_INCDIR=, CURL_INCDIR=, CURL_LIBDIR=, HIREDIS_INCDIR=, HIREDIS_LIBDIR=
#                  where headers and libraries are, if not where pkg-config says
#   REDIS=0                                         leave the module itrigger.redis out
#   DAEMON=0                                        leave itriggerd out
#   CLI=0                                           leave the command itrigger out
#   WITHOUT="chromium lua5.2"                       test without these Debian packages: what needs one is skipped
#   LIBCURL_PREFIX=dir                              build with the libcurl of dir, into build/libcurl/NAME/
#   LIBCURLS="dir ..."                              check-all also tests C and Lua 5.4 with each of these
#   ITR_FORCE_OLD_CURL=1                            build the path for libcurl < 7.80, into build/oldcurl/
#   VARIANT=asan|tsan|fuzz|oldcurl                  build into build/VARIANT/ with what that needs

.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/sh

LUAS := 5.1 5.2 5.3 5.4 5.5 luajit

# $(call lua_of,DIR): which Lua has its headers in DIR.
hash := \#
lua_of = $(if $(wildcard $(1)/luajit.h),luajit,$(shell number=$$(printf '%s\n' '$(hash)include <lua.h>' \
    LUA_VERSION_NUM | $(CC) -E -I'$(1)' -x c - | tail -n 1) && echo 5.$$(( $$number % 100 ))))

# LuaRocks says which Lua it builds for by the place of its headers only.
ifneq ($(LUA_INCDIR),)
LUA ?= $(call lua_of,$(LUA_INCDIR))
endif

# The scripts in tools look for its interpreter too.
ifneq ($(LUA_PREFIX),)
override LUA_PREFIX := $(abspath $(LUA_PREFIX))
export LUA_PREFIX
ifeq ($(and $(wildcard $(LUA_PREFIX)/bin/lua),$(wildcard $(LUA_PREFIX)/include/lua.h)),)
$(error LUA_PREFIX=$(LUA_PREFIX): no bin/lua and include/lua.h there; install Lua with make install INSTALL_TOP=$(LUA_PREFIX))
endif
lua_of_prefix := $(call lua_of,$(LUA_PREFIX)/include)
LUA ?= $(lua_of_prefix)
endif
LUA ?= 5.4
PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_TIME ?= 20

# LUA as the user gave it, or all of them where that is the better default.
lua_given := $(filter-out file default undefined,$(origin LUA))
# Debian 12 and 13 have no 5.5: all are those without it, unless it is here.
luas_all = $(filter-out $(if $(shell tools/luas 5.5),,5.5),$(LUAS))
luas_or_default = $(if $(filter all,$(LUA)),$(luas_all),$(LUA))
luas_or_all = $(if $(filter-out all,$(if $(lua_given),$(LUA))),$(LUA),$(luas_all))

ifneq ($(filter-out $(LUAS) all,$(LUA)),)
$(error LUA=$(LUA): not one of $(LUAS) all)
endif

# ---- what is there to build with --------------------------------------------------------------------

# $(call libs_of,PACKAGE,FALLBACK), $(call cflags_of,PACKAGE): what pkg-config knows. Headers of others are none of our
# warnings.
libs_of = $(or $(shell pkg-config --libs $(1) 2>/dev/null),$(2))
cflags_of = $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(1) 2>/dev/null))
# $(call has,FLAGS,TEXT): yes where TEXT gets through the preprocessor.
has = $(shell printf '%s\n' $(2) | $(CC) $(1) $(CPPFLAGS) $(CFLAGS) -E -x c - >/dev/null 2>&1 && echo yes)
include = '$(hash)include <$(1)>'

ifneq ($(LIBCURL_PREFIX),)
CURL_INCDIR := $(LIBCURL_PREFIX)/include
CURL_LIBDIR := $(LIBCURL_PREFIX)/lib
endif
curl_cflags := $(if $(CURL_INCDIR),-I$(CURL_INCDIR),$(call cflags_of,libcurl))
curl_libs := $(if $(CURL_LIBDIR),-L$(CURL_LIBDIR) $(if $(LIBCURL_PREFIX),-Xlinker -rpath=$(CURL_LIBDIR)) -lcurl,$(call libs_of,libcurl,-lcurl))

# The Redis store is a module of its own, so that nobody needs hiredis who has no Redis. TLS needs OpenSSL.
hiredis_cflags := $(if $(HIREDIS_INCDIR),$(addprefix -isystem ,$(filter-out /usr/include,$(HIREDIS_INCDIR))),$(call cflags_of,hiredis))
has_redis := $(if $(filter 0,$(REDIS)),,$(call has,$(hiredis_cflags),$(call include,hiredis/hiredis.h)))
redis_tls := $(if $(has_redis),$(call has,,$(call include,openssl/ssl.h)))
redis_libs := $(if $(HIREDIS_LIBDIR),-L$(HIREDIS_LIBDIR)) -lhiredis $(if $(redis_tls),-lssl -lcrypto)

# The daemon. Connections can be added from another thread since 0.9.72.
daemon_cflags := $(call cflags_of,libmicrohttpd gnutls)
daemon_libs := $(call libs_of,libmicrohttpd,-lmicrohttpd) $(call libs_of,gnutls,-lgnutls)
has_daemon := $(if $(filter 0,$(DAEMON)),,$(call has,$(daemon_cflags),$(call include,gnutls/x509.h) $(call include,microhttpd.h) \
    '$(hash)if MHD_VERSION < 0x00097200' '$(hash)error old' '$(hash)endif'))

# ---- sources: the one list ------------------------------------------------------------------------

redis_sources := $(wildcard src/store/redis*.c)
lib_sources := $(filter-out $(redis_sources),$(wildcard src/core/*/*.c src/store/*.c src/transport/*.c))
bind_sources := $(filter-out src/bind/redis_module.c,$(wildcard src/bind/*.c))
daemon_sources := $(wildcard src/itriggerd/*.c)
lua_sources := $(shell find lua -name '*.lua' 2>/dev/null)
sandbox_files := $(shell find sandbox -type f ! -name '*.md' 2>/dev/null)
lua_test_sources := $(wildcard spec/c/lua_*_test.c)
test_sources := $(filter-out $(if $(has_redis),,$(wildcard spec/c/store_redis*_test.c)) \
    $(if $(shell tools/luas 5.4),,$(lua_test_sources)) $(if $(has_daemon),,$(wildcard spec/c/itriggerd_*_test.c)), \
    $(wildcard spec/c/*_test.c))
lua_test_support := spec/c/support/lua_driver.c
test_support := $(filter-out $(lua_test_support),$(wildcard spec/c/support/*.c))
sim_sources := $(filter-out spec/c/sim/main.c,$(wildcard spec/c/sim/*.c))
fuzz_sources := $(filter-out $(if $(has_redis),,spec/fuzz/fuzz_redis_reply.c),$(wildcard spec/fuzz/fuzz_*.c))

# ---- variants -------------------------------------------------------------------------------------

ifneq ($(ITR_FORCE_OLD_CURL),)
VARIANT ?= oldcurl
endif
VARIANT ?=
B := build$(if $(VARIANT),/$(VARIANT))$(if $(LIBCURL_PREFIX),/libcurl/$(notdir $(LIBCURL_PREFIX)))

fortify := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
optimize := -O2 -g
ifeq ($(VARIANT),asan)
fortify :=
optimize := -O1 -g -fno-omit-frame-pointer
sanitize := -fsanitize=address,undefined -fno-sanitize-recover=undefined
else ifeq ($(VARIANT),tsan)
fortify :=
optimize := -O1 -g -fno-omit-frame-pointer
sanitize := -fsanitize=thread
else ifeq ($(VARIANT),fuzz)
CC := clang
fortify :=
optimize := -O1 -g -fno-omit-frame-pointer
sanitize := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
else ifeq ($(VARIANT),oldcurl)
variant_flags := -DITR_FORCE_OLD_CURL
else ifneq ($(VARIANT),)
$(error VARIANT=$(VARIANT): not one of asan tsan fuzz oldcurl)
endif

# ---- flags ----------------------------------------------------------------------------------------

accepted = $(shell $(CC) -Werror $(1) -E -x c /dev/null >/dev/null 2>&1 && echo $(1))

warnings := -Wall -Wextra -Wshadow -Wconversion $(if $(filter-out 0,$(WERROR)),-Werror)
hardening := -fstack-protector-strong $(fortify) $(call accepted,-fcf-protection) $(call accepted,-fstack-clash-protection)
libs := $(curl_libs) -lpthread -ldl -lm

base_flags := -std=c11 $(optimize) -D_GNU_SOURCE $(warnings) $(hardening) $(sanitize) $(variant_flags)
compile := $(CC) $(base_flags) -fPIC -fvisibility=hidden -Isrc $(curl_cflags) $(hiredis_cflags)

LIBFLAG ?= -shared
relro := -Wl,-z,relro,-z,now
# nodelete: threads of ours may outlive the Lua state that loaded us. now: a missing symbol shows at load.
so_flags := $(relro),-z,nodelete

Q := $(if $(filter-out 0,$(V)),,@)
say = $(if $(Q),@printf '  %-7s %s\n' $(1) $(2))

# A file that changes when the flags do, so that a build never mixes objects of two kinds.
flags_now := $(compile) $(CPPFLAGS) $(CFLAGS) | $(redis_libs) $(redis_tls) | $(LDFLAGS) $(LIBFLAG) $(libs) | $(LUA_INCDIR)

# ---- how anything is made -------------------------------------------------------------------------

# $(call cc,FLAGS): an object. What the command line says of CPPFLAGS and LDFLAGS replaces what a target adds to them, so
# targets add to more_cflags and more_ldflags.
define cc
$(call say,CC,$@)
$(Q)mkdir -p $(@D)
$(Q)$(compile) $(1) $(more_cflags) -MMD -MP $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
endef

# $(call ar): an archive.
define ar
$(call say,AR,$@)
$(Q)mkdir -p $(@D)
$(Q)rm -f $@
$(Q)$(AR) rcs $@ $^
endef

# $(call ld,FLAGS,LIBS): a program or a module. The binding before the library that it uses.
define ld
$(call say,LD,$@)
$(Q)mkdir -p $(@D)
$(Q)$(CC) $(1) $(sanitize) $(more_ldflags) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %/libbind.a,$^) $(filter $(lib),$^) $(2)
endef

define remember
$(Q)mkdir -p $(@D)
$(Q)printf '%s\n' '$(subst ','\'',$(1))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(1))' >$@
endef
$(B)/flags: FORCE
	$(call remember,$(flags_now))

# What the compiler said of headers, the last time.
-include $(shell find $(B)/obj $(LUAS:%=$(B)/%/obj) -name '*.d' 2>/dev/null)

# ---- the library and the modules ------------------------------------------------------------------

lib := $(B)/libitrigger.a
objects = $(patsubst %.c,$(B)/obj/%.o,$(1:src/%=%))
module = $(B)/$(1)/itrigger/core.so
redis_module = $(if $(has_redis),$(B)/$(1)/itrigger/redis.so)
modules = $(call module,$(1)) $(call redis_module,$(1))
redis_objects := $(call objects,$(redis_sources))

# The command itrigger, for the Lua that it was built for.
command := $(B)/bin/itrigger
lua_program = $(if $(filter $(lua_of_prefix),$(1)),$(LUA_PREFIX)/bin/lua,/usr/bin/env $(if $(filter luajit,$(1)),luajit,lua$(1)))
$(command): bin/itrigger FORCE
	$(Q)mkdir -p $(@D)
	$(Q)sed '1s|.*|#!$(call lua_program,$(firstword $(luas_or_default)))|' $< >$@.new && chmod 755 $@.new
	$(Q)if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# $(call left_out,HAS,OPTION,TEXT): a line for what cannot be built here, unless the user left it out.
left_out = $(if $(1)$(filter 0,$(2)),,@echo 'left out: $(3)')
define say_left_out
$(call left_out,$(has_redis),$(REDIS),itrigger.redis; it needs hiredis (Debian: libhiredis-dev))
$(call left_out,$(has_daemon),$(DAEMON),itriggerd; it needs libmicrohttpd 0.9.72 or newer (Debian: libmicrohttpd-dev))
endef

.PHONY: build all build-redis build-daemon install-redis
build: $(foreach l,$(luas_or_default),$(call modules,$(l))) $(if $(has_daemon),build-daemon) $(if $(filter 0,$(CLI)),,$(command))
	$(say_left_out)
all: $(foreach l,$(luas_all),$(call modules,$(l))) $(if $(has_daemon),build-daemon) $(if $(filter 0,$(CLI)),,$(command))
	$(say_left_out)
build-redis: $(foreach l,$(luas_or_default),$(B)/$(l)/itrigger/redis.so)

$(B)/obj/%.o: src/%.c $(B)/flags
	$(call cc)

$(B)/obj/store/redis_tls.o: more_cflags := $(if $(redis_tls),-DITR_REDIS_TLS)

$(lib): $(call objects,$(lib_sources))
	$(call ar)

# Headers of one Lua: LUA_INCDIR when given (LuaRocks does), LUA_PREFIX, else what pkg-config says, else Debian's folder.
pc_name = $(if $(filter luajit,$(1)),luajit,lua$(1))
lua_cflags = $(if $(LUA_INCDIR),-I'$(LUA_INCDIR)',$(or $(if $(filter $(lua_of_prefix),$(1)),-I'$(LUA_PREFIX)/include'),\
    $(call cflags_of,$(call pc_name,$(1))),-I/usr/include/$(patsubst luajit,luajit-2.1,$(call pc_name,$(1)))))

# Only the binding is compiled once per Lua.
define lua_rules
$(B)/$(1)/headers: FORCE
	@printf '%s\n' $(call include,lua.h) | $(CC) $$(lua_cflags_$(1)) $(CPPFLAGS) $(CFLAGS) -E -x c - >/dev/null 2>&1 || \
	    { echo "no lua.h of Lua $(1) here: install it (Debian: $$$$(tools/setup --packages lua-$(1) | tail -n 1)), or say LUA=, LUA_PREFIX= or LUA_INCDIR="; exit 1; }
	$$(call remember,$$(lua_cflags_$(1)))

$(B)/$(1)/obj/%.o: src/%.c $(B)/flags $(B)/$(1)/headers
	$$(call cc,$$(lua_cflags_$(1)))

$(call module,$(1)): $(bind_sources:src/%.c=$(B)/$(1)/obj/%.o) $(lib)
	$$(call ld,$$(LIBFLAG) $$(so_flags),$$(libs))

$(B)/$(1)/itrigger/redis.so: $(B)/$(1)/obj/bind/redis_module.o $(B)/$(1)/obj/bind/pin.o $(redis_objects) $(lib)
	$$(call ld,$$(LIBFLAG) $$(so_flags),$$(redis_libs) -lpthread -ldl)

$(B)/$(1)/libbind.a: $(bind_sources:src/%.c=$(B)/$(1)/obj/%.o)
	$$(call ar)
endef
$(foreach l,$(LUAS),$(eval lua_cflags_$(l) := $(call lua_cflags,$(l)))$(eval $(call lua_rules,$(l))))
lua_libs = $(call libs_of,lua5.4,-llua5.4)

# ---- the daemon -----------------------------------------------------------------------------------

daemon := $(B)/bin/itriggerd
# The parts that C tests use: they need neither network nor store.
daemon_pure_objects := $(patsubst %,$(B)/obj/itriggerd/%.o,address connections http_api key log metrics outage outage_log page page_style page_text reply request_metrics token_file waiting)
build-daemon: $(daemon)

$(call objects,$(daemon_sources)): more_cflags := $(daemon_cflags) $(if $(has_redis),-DITRIGGERD_REDIS)

$(daemon): $(call objects,$(daemon_sources)) $(if $(has_redis),$(redis_objects)) $(lib)
	$(call ld,$(relro),$(daemon_libs) $(if $(has_redis),$(redis_libs)) $(libs))

# ---- tests ----------------------------------------------------------------------------------------

# One cmocka program per spec/c/*_test.c. Those that need a Lua name it themselves and are built for 5.4.
test_programs := $(test_sources:spec/c/%.c=$(B)/spec/%)
support_objects := $(call objects,$(test_support))
sim_objects := $(call objects,$(sim_sources))
.SECONDARY:

# cmocka 2 calls assert_in_range deprecated, whose successors cmocka 1 does not have.
$(B)/obj/spec/%.o: spec/%.c $(B)/flags
	$(call cc,-Ispec/c -Wno-deprecated-declarations)

$(B)/spec/%_test: $(B)/obj/spec/c/%_test.o $(support_objects) $(lib)
	$(call ld,,$(call libs_of,cmocka,-lcmocka) $(more_libs) $(libs))

# It makes each allocation fail in turn.
$(B)/spec/alloc_test: more_ldflags := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup

# Bound at start, as the modules are: whoever binds at the first call keeps the registers on the stack.
$(B)/spec/stack_secrets_test: more_ldflags := $(relro)

redis_tests := $(filter $(B)/spec/store_redis%,$(test_programs))
$(redis_tests): $(redis_objects)
$(redis_tests): more_libs := $(redis_libs)

$(filter-out $(B)/spec/itriggerd_daemon_test,$(filter $(B)/spec/itriggerd_%,$(test_programs))): $(daemon_pure_objects)

# The whole daemon but its main.
$(B)/spec/itriggerd_daemon_test: $(call objects,$(filter-out src/itriggerd/main.c,$(daemon_sources))) $(if $(has_redis),$(redis_objects))
$(B)/spec/itriggerd_daemon_test: more_libs := $(daemon_libs) $(if $(has_redis),$(redis_libs))

# Lua states in a C program, for what only C can do to them.
lua_tests := $(filter $(B)/spec/lua_%,$(test_programs))
$(call objects,$(lua_test_sources) $(lua_test_support)): more_cflags := $(lua_cflags_5.4)
$(lua_tests): $(call objects,$(lua_test_support)) $(B)/5.4/libbind.a
$(lua_tests): more_libs = $(lua_libs)

# The fleet in fake time (spec/c/sim/sim_world.h) is linked only where it is used.
$(B)/spec/fleet_sim_test: $(sim_objects)

$(B)/fleet_sim: $(B)/obj/spec/c/sim/main.o $(sim_objects) $(lib)
	$(call ld,,$(libs))

# Programs whose source is gone must not run any more, and so be counted.
.PHONY: c-tests
c-tests: $(test_programs)
	$(Q)for p in $(B)/spec/*_test; do \
	    case " $(test_programs) " in *" $$p "*) ;; *) rm -f "$$p" ;; esac; done

# Lua state with the sanitizers in it, closed at the end so that what it leaks shows. The preload that a stock lua
# would need is inherited by every child of a spec.
$(B)/obj/tools/%.o: tools/%.c $(B)/flags
	$(call cc,$(lua_cflags_5.4))

$(B)/lua-host: $(B)/obj/tools/lua_host.o
	$(call ld,,$(lua_libs))

# Each fuzz target may use the binding too, on Lua 5.4; the linker takes only what it calls.
fuzz_programs := $(fuzz_sources:spec/fuzz/%.c=$(B)/fuzz/%)
$(call objects,$(fuzz_sources)): more_cflags := $(lua_cflags_5.4)

$(B)/fuzz/%: $(B)/obj/spec/fuzz/%.o $(B)/5.4/libbind.a $(lib)
	$(call ld,-fsanitize=fuzzer,$(more_libs) $(lua_libs) $(libs))

$(B)/fuzz/fuzz_redis_reply: $(redis_objects)
$(B)/fuzz/fuzz_redis_reply: more_libs := $(redis_libs)
$(B)/fuzz/fuzz_server_request: $(daemon_pure_objects)
$(B)/fuzz/fuzz_server_settings: $(patsubst %,$(B)/obj/itriggerd/%.o,settings settings_file ini_reader address credential key log token_file)

.PHONY: fuzz-programs
fuzz-programs: $(fuzz_programs)

again := $(MAKE) --no-print-directory
# What can be built here, of the Luas asked for: the others are reported by tools/test. nginx brings LuaJIT.
luas_here = $(shell tools/luas $(sort luajit $(luas_or_all)))

# What the tests do without: tools/setup does not install it, and what needs it is counted as skipped. Ubuntu has Chromium
# as a snap only.
OS_RELEASE := /etc/os-release
WITHOUT ?=
override WITHOUT += $(if $(filter 0,$(REDIS)),libhiredis-dev) $(if $(filter 0,$(DAEMON)),libmicrohttpd-dev) \
    $(if $(or $(filter 5.5,$(luas_all)),$(filter 5.5,$(if $(lua_given),$(LUA)))),,lua5.5) \
    $(if $(filter ID=ubuntu,$(file <$(OS_RELEASE))),chromium)
export WITHOUT

# In a make of its own: a recipe is expanded before its first line, setup, has brought the Luas.
.PHONY: test-products lua-products
test-products: c-tests lua-products
lua-products: $(command) $(if $(has_daemon),build-daemon) \
    $(if $(filter %-products,$(MAKECMDGOALS)),$(foreach l,$(luas_here),$(call modules,$(l))))
	$(say_left_out)

# The C tests and the specs of Lua 5.4 with each libcurl of LIBCURLS; the specs' hosts have the machine's own.
LIBCURLS ?=
libcurls:
	$(if $(LIBCURLS),$(Q)tools/setup test && $(again) lua-products)
	$(Q)for dir in $(LIBCURLS); do \
	    $(again) c-tests build LIBCURL_PREFIX="$$dir" LUA=5.4 && \
	    tools/test "build/libcurl/$$(basename "$$dir")" c 5.4 || exit 1; \
	done

.PHONY: libcurls test packages check-all boot days asan tsan fuzz valgrind
test:
	@tools/setup test
	$(Q)$(again) test-products
	@tools/test $(B) c model $(luas_or_all) $(if $(filter-out all,$(if $(lua_given),$(LUA))),,hosts)

# Chaos in many more fleets than `make test` has time for: SEEDS of them, beginning with seed FIRST.
SEEDS ?= 20000
FIRST ?= 1
.PHONY: sim
sim:
	$(Q)$(again) $(B)/fleet_sim
	@$(B)/fleet_sim $(SEEDS) $(FIRST)

# Every minute of simulated days, each minute a process.
days:
	@tools/setup test
	$(Q)$(again) build LUA=5.4
	@ITR_WHOLE_DAYS=1 tools/run-lua $(B) 5.4 spec/promises/days_spec.lua

asan:
	@tools/setup test
	$(Q)$(again) lua-products LUA=5.4
	$(Q)$(again) VARIANT=asan c-tests build build/asan/lua-host LUA=5.4
	@LUA_COMMAND=build/asan/lua-host tools/under asan tools/test build/asan c 5.4

tsan:
	@tools/setup test
	$(Q)$(again) VARIANT=tsan c-tests
	@tools/under tsan tools/test build/tsan c

valgrind:
	@tools/setup test
	$(Q)$(again) test-products LUA=5.4
	@tools/under valgrind tools/test build c 5.4
	@ITR_NGINX_UNDER_VALGRIND=1 tools/run-lua build 5.4 spec/hosts/nginx_valgrind_spec.lua

fuzz:
	@tools/setup test
	$(Q)$(again) VARIANT=fuzz fuzz-programs
	@tools/fuzz $(FUZZ_TIME) $(fuzz_sources:spec/fuzz/%.c=%)

# packaging/itriggerd.service under a systemd of its own; the first time it fetches a small Debian.
boot:
	@tools/setup test boot
	$(Q)$(again) build LUA=5.4
	@tools/test $(B) boot

# The Debian packages and the images, each on a Debian of its own. As root.
packages:
	@tools/setup packages
	@tools/test $(B) packages

# The C tests on other architectures, in qemu-user: one with another order of bytes, and one with other atomics.
CROSS ?= arm64 s390x
.PHONY: cross
cross:
	@tools/setup cross
	@tools/cross $(CROSS)

check-all: test sim days boot packages asan tsan valgrind libcurls cross
	$(Q)$(again) fuzz FUZZ_TIME=$$(( $(FUZZ_TIME) * 6 ))

# Everything at once with a fault every ten seconds (spec/soak/soak.lua); ends with a verdict.
MINUTES ?= 60
.PHONY: soak
soak:
	@tools/setup test
	$(Q)$(again) build LUA=5.4
	$(Q)$(again) build LUA=luajit
	@tools/soak $(MINUTES) $(B)

# ---- lint, bench, sandbox, demo, rock -------------------------------------------------------------

.PHONY: setup demo sandbox bench bench-nginx lint format rock
setup:
	@tools/setup build sandbox test bench lint

demo:
	@tools/setup build sandbox lua-$(LUA)
	$(Q)$(again) build LUA=$(LUA)
	@tools/demo $(LUA) $(B)

# Stays in the foreground: Ctrl-C ends it.
sandbox:
	@tools/setup sandbox
	@unset LUA_PATH LUA_CPATH LUA_INIT; exec sandbox/run --foreground

# ALL=1: the whole matrix, about 20 minutes.
bench:
	@tools/setup test bench
	$(Q)$(again) build LUA=5.4
	@bench/run $(if $(ALL),--all)
	@bench/cli
	@bench/sharing
	@if [ -x build/bin/itriggerd ]; then bench/itriggerd_run; else echo 'bench: itriggerd is not built: skipped'; fi

# RESTY_HTTP=dir: lua-resty-http's lib directory, to compare with.
bench-nginx:
	@tools/setup sandbox bench lua-luajit
	$(Q)$(again) build LUA=luajit
	@bench/nginx_run

lint:
	@tools/setup build lint
	$(Q)$(again) build LUA=5.4 WERROR=1
	@CPPFLAGS='$(curl_cflags)' tools/lint $(B)

format:
	@tools/setup lint
	$(Q)tools/sources c | xargs clang-format -i

# The rock as a user's LuaRocks builds it, into build/rocks, and the quickstart from there.
rock:
	@tools/setup build sandbox rock lua-$(LUA)
	@tools/rock $(LUA)

# ---- using the tree, installing -------------------------------------------------------------------

.PHONY: env install uninstall dist deb clean help FORCE
FORCE:

# The command in build/bin is that of the Lua that was built last: make it that of this environment.
env: $(if $(filter 0,$(CLI)),,$(command))
	@tools/env $(firstword $(luas_or_default)) $(B)

lua_abi = $(if $(filter luajit,$(1)),5.1,$(1))
INST_LIBDIR ?= $(PREFIX)/lib/lua/$(call lua_abi,$(LUA))
INST_LUADIR ?= $(PREFIX)/share/lua/$(call lua_abi,$(LUA))

# $(call put,MODE,FILE,TO), $(call take,MODE,FILE,TO): install one file, remove it, and say where.
put = install -D -m $(1) '$(2)' '$(DESTDIR)$(3)' && printf '  %-7s %s\n' INSTALL '$(DESTDIR)$(3)'
take = if [ -e '$(DESTDIR)$(3)' ] || [ -h '$(DESTDIR)$(3)' ]; then rm -f '$(DESTDIR)$(3)' && printf '  %-7s %s\n' REMOVE '$(DESTDIR)$(3)'; fi

# $(call each_file,put|take): what install puts where, each once.
module_files = $(call $(1),755,$(B)/$(LUA)/itrigger/$(2).so,$(INST_LIBDIR)/itrigger/$(2).so)
lua_files = $(foreach f,$(2),$(call $(1),644,$(f),$(INST_LUADIR)/$(f:lua/%=%)) && ):
# The installed command finds the library that was installed with it, also where Lua does not search by itself.
lua_searches := /usr/share/lua/% /usr/local/share/lua/%
find_library = $(if $(filter-out $(lua_searches),$(INST_LUADIR)),sed -i '1a package.path = [[$(INST_LUADIR)/?.lua;$(INST_LUADIR)/?/init.lua;]] .. package.path; package.cpath = [[$(INST_LIBDIR)/?.so;]] .. package.cpath' '$(DESTDIR)$(PREFIX)/bin/itrigger' && )
command_files = $(call $(1),755,$(command),$(PREFIX)/bin/itrigger) && $(if $(filter put,$(1)),$(find_library)) \
    $(call $(1),644,docs/man/itrigger.1,$(PREFIX)/share/man/man1/itrigger.1) && $(foreach f,$(sandbox_files), \
    $(call $(1),$(if $(filter sandbox/run sandbox/certs,$(f)),755,644),$(f),$(PREFIX)/share/itrigger/$(f)) && ):
daemon_files = $(call $(1),755,$(daemon),$(PREFIX)/bin/itriggerd) && \
    $(call $(1),644,docs/man/itriggerd.8,$(PREFIX)/share/man/man8/itriggerd.8)
cli_sources := $(filter lua/itrigger/cli/%,$(lua_sources))
# What can no longer be built here may still be installed.
with = $(if $(filter take,$(1)),$(if $(filter 0,$(3)),,yes),$(2))
define each_file
	$(Q)$(call module_files,$(1),core)
	$(if $(call with,$(1),$(has_redis),$(REDIS)),$(Q)$(call module_files,$(1),redis))
	$(Q)$(call lua_files,$(1),$(filter-out $(cli_sources),$(lua_sources)))
	$(if $(filter 0,$(CLI)),,$(Q)$(call lua_files,$(1),$(cli_sources)) && $(call command_files,$(1)))
	$(if $(call with,$(1),$(has_daemon),$(DAEMON)),$(Q)$(call daemon_files,$(1)))
endef

# uninstall removes what install puts there when it is given the same words, and the folders that are ours alone.
ifeq ($(LUA),all)
# LuaJIT looks for modules where Lua 5.1 does, and can load those of 5.1, but 5.1 not those of LuaJIT.
luas_installed := $(filter-out $(if $(filter 5.1,$(luas_all)),luajit),$(luas_all))
install uninstall:
	$(Q)for l in $(if $(filter uninstall,$@),$(LUAS),$(luas_installed)); do $(MAKE) --no-print-directory $@ LUA=$$l || exit 1; done
	$(if $(filter install,$@),$(if $(filter luajit,$(luas_installed)),,@echo 'left out: luajit; it uses what is installed for Lua 5.1 (LUA=luajit replaces that, and is for LuaJIT alone)'))
else
install: build
	$(call each_file,put)

uninstall:
	$(call each_file,take)
	$(Q)for dir in '$(DESTDIR)$(INST_LIBDIR)/itrigger' '$(DESTDIR)$(INST_LUADIR)/itrigger' '$(DESTDIR)$(PREFIX)/share/itrigger'; do \
	    [ ! -d "$$dir" ] || find "$$dir" -depth -type d -empty -delete; done
endif

# The rock itrigger-redis: this one module.
install-redis: build-redis
	$(Q)$(call module_files,put,redis)

# The tarball of the commit that is checked out, into build/: the same bytes each time.
dist:
	@tools/dist

# The Debian packages of this tree, into build/deb/.
deb:
	@tools/setup deb
	@tools/deb

clean:
	rm -rf build

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile
	@echo
	@echo 'Targets: setup build all install uninstall dist deb env demo sandbox test sim days boot packages'
	@echo '         check-all asan tsan valgrind cross fuzz soak lint format bench bench-nginx rock clean'
