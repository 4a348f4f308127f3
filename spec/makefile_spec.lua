-- What the Makefile promises, by what `make -n` would do.

local function shell(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

-- Into a directory where nothing is built yet.
local function make(words)
  return shell("env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -n V=1 B=build/spec-make LUA=5.4 " .. words)
end

local function has(text, part)
  assert.truthy(text:find(part, 1, true), part .. "\n" .. text:sub(-2000))
end

describe("make", function()
  local itriggerd = shell("pkg-config --atleast-version=0.9.71 libmicrohttpd && pkg-config --exists gnutls && echo yes") == "yes\n"

  it("builds for the tests what they test, itriggerd too", function()
    local text = make "test-products"
    has(text, "-o build/spec-make/spec/url_test ")
    has(text, "-o build/spec-make/5.4/itrigger/core.so ")
    has(text, itriggerd and "-o build/spec-make/bin/itriggerd " or "left out: itriggerd")
  end)

  it("says in a line what it leaves out, and which package brings it", function()
    local headers = shell("mktemp -d"):match("%S+")
    shell(("mkdir %s/hiredis; echo '#error none' | tee %s/hiredis/hiredis.h >%s/microhttpd.h"):format(headers, headers, headers))
    local text = make("build CPPFLAGS=-I" .. headers)
    shell("rm -r " .. headers)
    has(text, "left out: itrigger.redis; it needs hiredis (Debian: libhiredis-dev)")
    has(text, "left out: itriggerd; it needs libmicrohttpd 0.9.71 or newer (Debian: libmicrohttpd-dev)")
    assert.falsy(text:find("itriggerd/main.o", 1, true))
    assert.falsy(make("build REDIS=0 DAEMON=0"):find("left out", 1, true))
  end)

  it("leaves out itriggerd where libmicrohttpd is too old", function()
    local headers = shell("mktemp -d"):match("%S+")
    shell("echo '#define MHD_VERSION 0x00097000' >" .. headers .. "/microhttpd.h")
    local text = make("build CPPFLAGS=-I" .. headers)
    shell("rm -r " .. headers)
    has(text, "left out: itriggerd;")
  end)

  it("adds CPPFLAGS and LDFLAGS of the command line to what a target needs", function()
    has(make "c-tests LDFLAGS=-L/nowhere", "-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup -L/nowhere")
    if itriggerd and shell("pkg-config --exists hiredis && echo yes") == "yes\n" then
      has(make "build-daemon CPPFLAGS=-DSOMETHING", "-DITRIGGERD_REDIS -MMD -MP -DSOMETHING")
    end
  end)

  it("gives an environment the command of its Lua, whichever was built last", function()
    has(make "env LUA=5.3", "#!/usr/bin/env lua5.3")
  end)

  it("says of each file that it installs where it is", function()
    local text = make "install DESTDIR=/root-of-spec PREFIX=/usr"
    for _, path in ipairs { "lib/lua/5.4/itrigger/core.so", "share/lua/5.4/itrigger/init.lua", "share/lua/5.4/itrigger/host/luv.lua" } do
      has(text, "INSTALL '/root-of-spec/usr/" .. path .. "'")
    end
    for line in text:gmatch("[^\n]*install %-D[^\n]*") do
      local installs, says = select(2, line:gsub("install %-D", "")), select(2, line:gsub(" INSTALL ", ""))
      assert.equal(installs, says)
    end
  end)
end)
