# What can be made: `make help`. Everything that is built goes below build/.
#
#   LUA=5.1|5.2|5.3|5.4|luajit|all   for build, install, env (default 5.4) and test, lint (default all)
#   V=1            show the commands                WERROR=1   warnings are errors
#   CFLAGS=, LDFLAGS=, CC=                          added to ours, or in place of cc
#   PREFIX=, DESTDIR=, INST_LIBDIR=, INST_LUADIR=   where install puts things
#   LUA_INCDIR=, CURL_INCDIR=, CURL_LIBDIR=         where headers and libraries are, if not where pkg-config says
#   ITR_FORCE_OLD_CURL=1                            build the path for libcurl < 7.80, into build/oldcurl/
#   VARIANT=asan|tsan|fuzz|oldcurl                  build into build/VARIANT/ with what that needs

.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/sh

LUAS := 5.1 5.2 5.3 5.4 luajit
LUA ?= 5.4
PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_TIME ?= 20
VERSION := $(shell sed -n 's/^.define ITR_VERSION "\(.*\)"/\1/p' src/core/version.h)

# LUA as the user gave it, or all of them where that is the better default.
lua_given := $(filter-out file default undefined,$(origin LUA))
luas_or_default := $(if $(filter all,$(LUA)),$(LUAS),$(LUA))
luas_or_all := $(if $(lua_given),$(luas_or_default),$(LUAS))

ifneq ($(filter-out $(LUAS) all,$(LUA)),)
$(error LUA=$(LUA): not one of $(LUAS) all)
endif

# ---- sources: the one list ------------------------------------------------------------------------

# The Redis store is a module of its own, so that nobody needs hiredis who has no Redis.
lib_sources := $(filter-out src/store/store_redis.c,$(wildcard src/core/*.c src/store/*.c src/transport/*.c))
bind_sources := $(wildcard src/bind/*.c)
lua_sources := $(shell find lua -name '*.lua' 2>/dev/null)
test_sources := $(wildcard spec/c/*_test.c)
test_support := $(wildcard spec/c/support/*.c)
fuzz_sources := $(wildcard spec/fuzz/fuzz_*.c)

# ---- variants -------------------------------------------------------------------------------------

ifneq ($(ITR_FORCE_OLD_CURL),)
VARIANT ?= oldcurl
endif
VARIANT ?=
B := build$(if $(VARIANT),/$(VARIANT))

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

system := $(shell uname -s)
accepted = $(shell $(CC) -Werror $(1) -E -x c /dev/null >/dev/null 2>&1 && echo $(1))

warnings := -Wall -Wextra -Wshadow -Wconversion $(if $(filter-out 0,$(WERROR)),-Werror)
hardening := -fstack-protector-strong $(fortify) $(call accepted,-fcf-protection) $(call accepted,-fstack-clash-protection)
curl_cflags := $(if $(CURL_INCDIR),-I$(CURL_INCDIR))
libs := $(if $(CURL_LIBDIR),-L$(CURL_LIBDIR)) -lcurl -lpthread -lm

base_flags := -std=c11 $(optimize) -D_GNU_SOURCE $(warnings) $(hardening) $(sanitize) $(variant_flags)
compile := $(CC) $(base_flags) -fPIC -fvisibility=hidden -Isrc $(curl_cflags)

ifeq ($(system),Darwin)
LIBFLAG ?= -bundle -undefined dynamic_lookup
else
LIBFLAG ?= -shared
# nodelete: threads of ours may outlive the Lua state that loaded us. now: a missing symbol shows at load.
so_flags := -Wl,-z,relro,-z,now,-z,nodelete
endif

Q := $(if $(filter-out 0,$(V)),,@)
say = $(if $(Q),@printf '  %-7s %s\n' $(1) $(2))

# A file that changes when the flags do, so that a build never mixes objects of two kinds.
flags_now := $(compile) $(CFLAGS) | $(LDFLAGS) $(LIBFLAG) $(libs) | $(LUA_INCDIR)

# ---- the library and the modules ------------------------------------------------------------------

lib := $(B)/libitrigger.a
lib_objects := $(lib_sources:src/%.c=$(B)/obj/%.o)
module = $(B)/$(1)/itrigger/core.so

.PHONY: build all
build: $(foreach l,$(luas_or_default),$(call module,$(l)))
all: $(foreach l,$(LUAS),$(call module,$(l)))

$(B)/flags: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)printf '%s\n' '$(subst ','\'',$(flags_now))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(flags_now))' >$@

$(B)/obj/%.o: src/%.c $(B)/flags
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(compile) -MMD -MP $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(lib): $(lib_objects)
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

# Headers of one Lua: LUA_INCDIR when given (LuaRocks does), else what pkg-config says, else Debian's folder.
pc_name = $(if $(filter luajit,$(1)),luajit,lua$(1))
dir_name = $(if $(filter luajit,$(1)),luajit-2.1,lua$(1))
lua_cflags = $(if $(LUA_INCDIR),-I$(LUA_INCDIR),$(shell pkg-config --cflags $(call pc_name,$(1)) 2>/dev/null || echo -I/usr/include/$(call dir_name,$(1))))

# Only the binding is compiled once per Lua.
define lua_rules
lua_cflags_$(1) := $$(call lua_cflags,$(1))
bind_objects_$(1) := $$(bind_sources:src/%.c=$(B)/$(1)/obj/%.o)
depends += $$(bind_objects_$(1):.o=.d)

$(B)/$(1)/obj/%.o: src/%.c $(B)/flags
	$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(compile) $$(lua_cflags_$(1)) -MMD -MP $$(CPPFLAGS) $$(CFLAGS) -c -o $$@ $$<

$(call module,$(1)): $$(bind_objects_$(1)) $(lib)
	$$(call say,LD,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(LIBFLAG) $$(sanitize) $$(so_flags) $$(LDFLAGS) -o $$@ $$^ $$(libs)

$(B)/$(1)/libbind.a: $$(bind_objects_$(1))
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$^
endef
depends := $(lib_objects:.o=.d)
$(foreach l,$(LUAS),$(eval $(call lua_rules,$(l))))

# ---- using the tree, installing -------------------------------------------------------------------

.PHONY: env install clean help FORCE
FORCE:

env:
	@tools/env $(firstword $(luas_or_default)) $(B)

lua_abi = $(if $(filter luajit,$(1)),5.1,$(1))
INST_LIBDIR ?= $(PREFIX)/lib/lua/$(call lua_abi,$(LUA))
INST_LUADIR ?= $(PREFIX)/share/lua/$(call lua_abi,$(LUA))

ifeq ($(LUA),all)
install:
	$(Q)for l in $(LUAS); do $(MAKE) --no-print-directory install LUA=$$l || exit 1; done
else
install: build
	$(call say,INSTALL,'$(DESTDIR)$(INST_LIBDIR)/itrigger $(DESTDIR)$(INST_LUADIR)/itrigger')
	$(Q)install -d '$(DESTDIR)$(INST_LIBDIR)/itrigger'
	$(Q)install -m 755 $(call module,$(LUA)) '$(DESTDIR)$(INST_LIBDIR)/itrigger/core.so'
	$(Q)for f in $(lua_sources:lua/%=%); do install -d "$(DESTDIR)$(INST_LUADIR)/$${f%/*}" && \
	    install -m 644 "lua/$$f" "$(DESTDIR)$(INST_LUADIR)/$$f" || exit 1; done
endif

clean:
	rm -rf build

-include $(depends)
