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

local function lines_of(command)
  local lines = {}
  for line in shell(command):gmatch("[^\n]+") do
    lines[#lines + 1] = line
  end
  return lines
end

describe("make", function()
  local itriggerd = shell("pkg-config --atleast-version=0.9.72 libmicrohttpd && pkg-config --exists gnutls && echo yes") == "yes\n"

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
    has(text, "left out: itriggerd; it needs libmicrohttpd 0.9.72 or newer (Debian: libmicrohttpd-dev)")
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

  it("builds by default for the Lua of LUA_PREFIX", function()
    local dir = shell("mktemp -d"):match("%S+")
    shell(("mkdir %s/bin %s/include; echo '#define LUA_VERSION_NUM 505' >%s/include/lua.h"):format(dir, dir, dir))
    local unnamed = "env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -n V=1 B=build/spec-make LUA_PREFIX=" .. dir .. " build"
    has(shell(unnamed), "no bin/lua and include/lua.h there")
    shell(("echo 'echo Lua 5.5' >%s/bin/lua; chmod +x %s/bin/lua"):format(dir, dir))
    local text = shell(unnamed)
    has(text, "-I'" .. dir .. "/include'")
    has(text, "-o build/spec-make/5.5/itrigger/core.so ")
    has(text, "#!" .. dir .. "/bin/lua")
    shell("rm -r " .. dir)
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

  describe("install and uninstall", function()
    local dir

    before_each(function()
      dir = shell("mktemp -d"):match("%S+")
    end)

    after_each(function()
      shell("rm -rf " .. dir)
    end)

    -- Nothing is built: the products are empty files.
    local function run(words)
      return shell(("env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -o build B=%s/build DESTDIR=%s/root %s; echo \"exit $?\"")
        :format(dir, dir, words))
    end

    local function products(lua)
      shell(("mkdir -p %s/build/%s/itrigger %s/build/bin; touch %s/build/%s/itrigger/core.so %s/build/%s/itrigger/redis.so "
        .. "%s/build/bin/itrigger %s/build/bin/itriggerd"):format(dir, lua, dir, dir, lua, dir, lua, dir, dir))
    end

    local function files()
      return lines_of(("cd %s/root && find . ! -type d | LC_ALL=C sort"):format(dir))
    end

    it("remove exactly what was installed", function()
      products "5.4"
      shell(("mkdir -p %s/root/opt/share/lua/5.4/itrigger %s/root/opt/bin"):format(dir, dir))
      shell(("touch %s/root/opt/share/lua/5.4/itrigger/of_another.lua %s/root/opt/bin/other"):format(dir, dir))
      local before = files()
      local said = run "install LUA=5.4 PREFIX=/opt -o build/bin/itrigger"
      has(said, "exit 0")
      local installed = files()
      assert.is_true(#installed > 60)
      local _, count = said:gsub("INSTALL ", "")
      assert.equal(#installed - #before, count)
      said = run "uninstall LUA=5.4 PREFIX=/opt"
      has(said, "exit 0")
      assert.equal(count, select(2, said:gsub("REMOVE ", "")))
      assert.same(before, files())
      assert.same({}, lines_of(("find %s/root -empty -path '*itrigger*'"):format(dir) .. " ! -name of_another.lua"))
    end)

    it("give the command the library beside it, where Lua does not search by itself", function()
      products "5.4"
      local command = dir .. "/build/bin/itrigger"
      shell(("printf '#!/usr/bin/env lua5.4\\nprint(package.path)\\nprint(package.cpath)\\n' >%s; chmod 755 %s"):format(command, command))
      has(run "install LUA=5.4 PREFIX=/opt/x", "exit 0")
      local said = shell(dir .. "/root/opt/x/bin/itrigger")
      assert.equal(1, (said:find("/opt/x/share/lua/5.4/?.lua;/opt/x/share/lua/5.4/?/init.lua;", 1, true)))
      has(said, "\n/opt/x/lib/lua/5.4/?.so;")
      for _, prefix in ipairs { "/usr", "/usr/local" } do
        has(run("install LUA=5.4 PREFIX=" .. prefix), "exit 0")
        assert.equal("", shell(("cmp %s %s/root%s/bin/itrigger"):format(command, dir, prefix)))
      end
    end)

    it("work for every Lua at once", function()
      for _, lua in ipairs { "5.1", "5.2", "5.3", "5.4", "luajit" } do
        products(lua)
      end
      local said = run "install LUA=all PREFIX=/usr"
      has(said, "exit 0")
      assert.is_true(#files() > 150)
      -- LuaJIT and Lua 5.1 look in one place: nothing is put there twice.
      has(said, "left out: luajit; it uses what is installed for Lua 5.1")
      assert.equal(1, select(2, said:gsub("INSTALL [^\n]*/lua/5%.1/itrigger/core%.so\n", "")))
      assert.equal("", shell(("cmp %s/build/5.1/itrigger/core.so %s/root/usr/lib/lua/5.1/itrigger/core.so"):format(dir, dir)))
      has(run "uninstall LUA=all PREFIX=/usr", "exit 0")
      assert.same({}, files())
    end)

    it("remove also what can no longer be built, and leave alone what was left out", function()
      products "5.4"
      has(run "install LUA=5.4 PREFIX=/usr", "exit 0")
      local path = dir .. "/root/usr/lib/lua/5.4/itrigger/redis.so"
      shell("touch " .. path)
      has(run "uninstall LUA=5.4 PREFIX=/usr REDIS=0", "exit 0")
      assert.same({ "./usr/lib/lua/5.4/itrigger/redis.so" }, files())
      shell(("mkdir %s/hiredis; echo '#error none' >%s/hiredis/hiredis.h"):format(dir, dir))
      has(run("uninstall LUA=5.4 PREFIX=/usr CPPFLAGS=-I" .. dir), "exit 0")
      assert.same({}, files())
    end)
  end)

  describe("dist", function()
    if shell "test -e .git && echo yes" == "" then
      pending "this tree is an unpacked tarball, and no git repository"
      return
    end

    it("writes the same bytes for one commit, wherever it is made", function()
      local dir = shell("mktemp -d"):match("%S+")
      shell("git clone -q . " .. dir .. "/clone")
      local here = shell("env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s dist"):match("(%S+)\n$")
      local there = shell(("cd %s/clone && umask 077 && TZ=Asia/Shanghai LC_ALL=C make -s dist"):format(dir)):match("(%S+)\n$")
      assert.truthy(here:find("^build/itrigger%-%d+%.%d+%.%d+%.tar%.gz$"), here)
      assert.equal(here, there)
      local sum = shell("sha256sum <" .. here)
      assert.equal(64, #sum:match("%x+"))
      assert.equal(sum, shell(("sha256sum <%s/clone/%s"):format(dir, there)))
      shell("rm -rf " .. dir)
    end)

    it("has the files of the commit, which know themselves without git", function()
      local dir = shell("mktemp -d -p build"):match("%S+") -- in a repository, of which it is no part
      local tarball = shell("env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s dist"):match("(%S+)\n$")
      shell(("tar -xf %s -C %s --strip-components=1"):format(tarball, dir))
      assert.is_true(#lines_of "git ls-tree -r --name-only HEAD" > 500)
      assert.equal("", shell(("git ls-tree -r --name-only HEAD | LC_ALL=C sort >%s.expected; "
        .. "(cd %s && tools/sources all | LC_ALL=C sort) | diff %s.expected -; rm %s.expected"):format(dir, dir, dir, dir)))
      has(shell(("cd %s && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -n test-products LUA=5.4"):format(dir)), "core.so")
      has(shell("cd " .. dir .. " && make dist"), "a tarball is made of a commit")
      shell("rm -rf " .. dir)
    end)
  end)
end)

describe("the sum of a suite's log", function()
  local function tally(log, status)
    return shell(("printf '%s' | awk -f tools/tally.awk -v name=c-x -v status=%d"):format(log, status or 0))
  end

  it("counts what passed, failed and was skipped, of several programs", function()
    assert.equal("2 0 1\n", tally "1..2\nok 1 - a\nok 2 - b # SKIP why\n1..1\nok 1 - c\n")
  end)

  it("tells with each failure what was said of it", function()
    local before = "1..4\nERROR: caught\nok 1 - a\nERROR: skipped\nnot ok 2 # SKIP d\n"
    local log = before .. "ERROR: got 1, not 2\nnot ok 3 - b\n# b.c:5: error\nok 4 - c\n# of c\n"
    assert.equal("2 1 1\nc-x: b\n    ERROR: got 1, not 2\n    # b.c:5: error\n", tally(log, 1))
  end)

  it("is a failure when the run did not end as it should", function()
    local function one_failure(said, log, status)
      local text = tally(log, status)
      assert.truthy(text:find("^%d+ 1 0\nc%-x: [^\n]+\n"), text)
      has(text, "c-x: " .. said)
    end
    one_failure("timed out, after: ok 1 - a\n    last words:\n    so far", "1..2\nok 1 - a\nso far\n", 124)
    one_failure("ended by signal 11, after: ok 1 - a\n", "1..1\nok 1 - a\n", 139)
    one_failure("exit status 3, after: ok 1 - a\n", "1..1\nok 1 - a\n", 3)
    one_failure("stopped after 1 of 2 tests, after: ok 1 - a\n", "1..2\nok 1 - a\n", 0)
    one_failure("ran no test\n", "1..0\n", 0)
    one_failure("ran no test\n", "", 0)
  end)
end)

describe("what the tests need and this machine lacks", function()
  local NEEDS = [[lua5.4 -e 'print(pcall(require("spec.support.needs").program, "no-such-program", "some-package"))']]

  it("is a failure that names the Debian package, in specs", function()
    local text = shell("env -u WITHOUT " .. NEEDS)
    has(text, "false\tno-such-program is not installed (Debian: some-package)")
    has(text, "make setup")
    has(text, "WITHOUT=some-package")
  end)

  it("is a reason to skip where the person does without it, there or not", function()
    assert.equal("true\tWITHOUT=some-package\n", shell("WITHOUT='other some-package' " .. NEEDS))
    assert.equal("true\tWITHOUT=sh\n", shell("WITHOUT=sh " .. NEEDS:gsub("no%-such%-program", "sh"):gsub("some%-package", "sh")))
  end)

  it("is a failure of a suite too, and skipped and counted without it", function()
    local build = shell("mktemp -d"):match("%S+")
    local count = shell("ls spec/c/*_test.c | wc -l"):match("%d+")
    local text = shell("env -u WITHOUT tools/test " .. build .. " c 5.4")
    has(text, "c-store_redis_test             not run: " .. build .. "/spec/store_redis_test is not built (Debian: libhiredis-dev)")
    has(text, "lua-5.4                        not run: " .. build .. "/5.4/itrigger/core.so is not built (its headers, Debian: ")
    has(text, "liblua5.4-dev); WITHOUT=lua5.4 leaves it out")
    has(text, "\nwhat failed:\nc-alloc_test ")
    assert.truthy(text:find("\nlua%-5%.4 [^\n]*\nfull output: [^\n]*\n0 passed, " .. count + 1 .. " failed\n"), text)
    text = shell("WITHOUT='libcmocka-dev libhiredis-dev libmicrohttpd-dev lua5.4' tools/test " .. build .. " c 5.4")
    has(text, ("0 passed, 0 failed, %d skipped\n"):format(count + 1))
    shell("rm -r " .. build)
  end)

  it("is skipped where Debian's derivative has no package of it: Chromium on Ubuntu", function()
    local file = shell("mktemp"):match("%S+")
    local show = "env -u WITHOUT -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s --eval='show:; @echo :$$WITHOUT:' show OS_RELEASE=" .. file
    shell("printf 'NAME=\"Ubuntu\"\\nID=ubuntu\\nID_LIKE=debian\\n' >" .. file)
    assert.truthy(shell(show):find("%Wchromium%W"))
    shell("printf 'NAME=\"Debian GNU/Linux\"\\nID=debian\\n' >" .. file)
    assert.falsy(shell(show):find("chromium", 1, true))
    os.remove(file)
  end)

  it("is installed for the Debian packages too: what they are built with, and what dpkg takes for granted", function()
    local packages = "\n" .. shell "tools/setup --packages deb"
    has(packages, "\nbuild-essential\n")
    local needed = shell "sed -n '/^Build-Depends:/,/^[A-Z]/s/^ \\([^ ,]*\\).*/\\1/p' packaging/debian/control"
    for package in needed:gmatch "%S+" do
      if package ~= "debhelper-compat" and package ~= "pkgconf" then
        assert.truthy(packages:find("\n" .. package:gsub("%-", "%%-") .. "[\n|]"), package)
      end
    end
  end)

  it("is not installed where the person does without it", function()
    local all = shell "env -u WITHOUT tools/setup --packages test"
    local some = shell "WITHOUT='chromium lua5.2' tools/setup --packages test"
    for _, package in ipairs { "chromium", "lua5.2", "liblua5.2-dev" } do
      has(all, package .. "\n")
      assert.falsy(some:find("\n" .. package .. "\n", 1, true), package)
    end
    has(some, "chromium-driver\n")
    has(shell "WITHOUT=redis tools/setup test", "WITHOUT=redis: the tests need no such package")
  end)
end)

-- opm is not in Debian; the rules are those of its documentation.
describe("dist.ini, for opm,", function()
  it("names what there is", function()
    local fields = {}
    for line in io.lines "dist.ini" do
      local name, value = line:match "^([%w_]+) = (.+)$"
      assert.truthy(name or line:find "^#", line)
      fields[name or ""] = value
      assert.falsy(line:find "[\128-\255]", line)
    end
    assert.equal("", shell(("ls -d %s %s %s >/dev/null"):format(fields.lib_dir, fields.doc_dir, fields.main_module)))
    assert.equal("", shell("ls " .. fields.exclude_files:gsub(",", " ") .. " >/dev/null"))
    assert.equal("mit", fields.license)
    assert.truthy(fields.name:find "^[%w-]+$" and fields.repo_link:find "^https?://")
    -- The version is what the first such line of main_module says.
    local first
    for line in io.lines(fields.main_module) do
      first = first or (line:find "VERSION%s*=" or line:find "version%s*=") and line
    end
    assert.equal('local VERSION = "' .. lines_of("tools/version")[1] .. '"', first)
  end)
end)
