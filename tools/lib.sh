# Words that several scripts here use. Sourced from the root of the tree.
# shellcheck shell=sh

die() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# have COMMAND
have() {
    command -v "$1" >/dev/null 2>&1
}

# in_prefix 5.1|…|luajit: whether that is the Lua in LUA_PREFIX.
in_prefix() {
    [ "${LUA_PREFIX-}" ] && [ "$("$LUA_PREFIX/bin/lua" -e 'io.write(_VERSION)' 2>/dev/null)" = "Lua $1" ]
}

# lua_command 5.1|…|luajit: the interpreter's name on this machine, or nothing and failure. LUA_PREFIX has one of its own.
lua_command() {
    if in_prefix "$1"; then
        printf '%s\n' "$LUA_PREFIX/bin/lua"
        return
    fi
    case $1 in
    luajit) set -- luajit ;;
    *) set -- "lua$1" "lua-$1" "lua$(printf '%s' "$1" | tr -d .)" ;;
    esac
    for command in "$@"; do
        if have "$command"; then
            printf '%s\n' "$command"
            return
        fi
    done
    return 1
}

# left_out PACKAGE: the person does without it. WITHOUT= has Debian's names, and lua5.2, luajit.
left_out() {
    case " ${WITHOUT-} " in *" $1 "*) ;; *) return 1 ;; esac
}

# lua_missing LUA BUILD: why this Lua's specs cannot run here, or nothing.
lua_missing() {
    if ! command=$(lua_command "$1"); then
        echo "lua${1#lua} is not installed ($([ "$1" != 5.5 ] && echo "Debian: lua${1#lua}" || echo "no LUA_PREFIX names one"))"
    elif ! "$command" -e 'require "busted.core"; require "cjson"' >/dev/null 2>&1; then
        echo "busted or cjson is not installed for $command (Debian: lua-busted, lua-cjson)"
    elif [ ! -e "$2/$1/itrigger/core.so" ]; then
        echo "$2/$1/itrigger/core.so is not built (its headers, Debian: $(tools/setup --packages "lua-$1" | tail -n 1))"
    fi
}

# forget_settings: what the user has set for the library is for the user's programs.
forget_settings() {
    for name in $(env | sed -n 's/^\(ITRIGGER_[A-Z_]*\)=.*/\1/p'); do unset "$name"; done
}

# seconds_since START
seconds_since() {
    echo $(($(date +%s) - $1))
}

# start_sandbox [argument…]: the Lua in its nginx is not the caller's, whose search paths would mislead it.
start_sandbox() {
    (unset LUA_PATH LUA_CPATH LUA_INIT && exec sandbox/run "$@") || die "the sandbox did not start"
}

# guarded COMMAND…: runs it and returns its status. The sandbox of SANDBOX_DIR ends with this shell, the only holder of
# the guard's pipe, however that ends.
guarded() {
    exec 3>&1
    guarded_status=$({
        {
            result=0
            "$@" >&3 3>&- 4>&- || result=$?
            echo "$result" >&4
        } | sandbox/run --guard "$SANDBOX_DIR" 3>&- 4>&-
    } 4>&1)
    return "${guarded_status:-1}"
}
