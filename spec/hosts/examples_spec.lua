-- The examples of hosts, as they are, against the sandbox.
local face = require "spec.support.face"
local needs = require "spec.support.needs"
local sandbox = require "spec.support.sandbox"

local MEMBER = "?mobile=18899888899&storeNo=1159374785466208256"

local function shell(command)
  local pipe = assert(io.popen(command .. " 2>&1; echo $?"))
  local text, status = pipe:read("*a"):match("^(.-)(%d+)\n$")
  pipe:close()
  return text, tonumber(status)
end

local top = shell("pwd"):gsub("%s+$", "")

-- A port that nobody listens on now.
local function free_port()
  local uv = require "luv"
  local socket = uv.new_tcp()
  assert(socket:bind("127.0.0.1", 0))
  local port = socket:getsockname().port
  socket:close()
  uv.run()
  return port
end

-- Which Lua a host was built with: 5.3 on Debian 12, 5.4 on Debian 13 and Ubuntu 24.04.
local function lua_of_haproxy()
  return shell("PATH=$PATH:/usr/sbin haproxy -vv"):match "Built with Lua version : Lua (5%.%d)"
end

local function lua_of_apache()
  return shell("ldd /usr/lib/apache2/modules/mod_lua.so"):match "liblua(5%.%d)"
end

-- Where the person does without a build of the library or what else its example needs, that is counted as skipped.
local function require_all(lua, lacks)
  lacks = lacks or needs.build(lua)
  if lacks then
    pending(lacks)
  end
end

describe("the example", function()
  local sb, dir, realname

  setup(function()
    sb = sandbox.shared()
    local c = face.client(sb)
    realname = assert(c:get(face.api .. "/member/query", face.member)).data.realName
    c:close()
  end)

  before_each(function()
    sb:reset()
    dir = shell("mktemp -d"):gsub("%s+$", "")
  end)

  after_each(function()
    os.execute("rm -rf " .. dir)
  end)

  -- The environment of a program that finds the library of one Lua in the tree, or below another directory.
  local function environment(lua, root)
    root = root or top
    local id, secret = face.app(sb)
    local abi = lua == "luajit" and "5.1" or lua
    return ("env -u LUA_PATH_%s -u LUA_CPATH_%s LUA_PATH='%s/lua/?.lua;%s/lua/?/init.lua;;' LUA_CPATH='%s/build/%s/?.so;;' "
      .. "ITRIGGER_APP_ID=%s ITRIGGER_APP_SECRET=%s ITRIGGER_GATEWAY=%s ITRIGGER_TOKEN_STORE=file:%s/store "):format(
      abi:gsub("%.", "_"), abi:gsub("%.", "_"), root, root, root, lua, id, secret, sb.gateway, dir)
  end

  it("quickstart: works any number of times", function()
    local run = environment "5.4" .. "SANDBOX_DIR=" .. sb.dir .. " lua5.4 examples/quickstart.lua"
    for _ = 1, 6 do
      local out, status = shell(run)
      assert.equal(0, status, out)
      assert.truthy(out:find("with the token revoked under it", 1, true), out)
    end
  end)

  it("embed: 8 states on 8 threads, one fetch", function()
    require_all("5.4", needs.program("cc", "gcc"))
    local out, status = shell(("cc -Wall -Wextra -Werror -Wl,-E -o %s/embed examples/embed/embed.c "
      .. "$(pkg-config --cflags --libs lua5.4) -lpthread"):format(dir))
    assert.equal(0, status, out)
    out, status = shell(environment "5.4" .. dir .. "/embed | sort")
    assert.equal(0, status, out)
    local expected = {}
    for i = 1, 8 do
      expected[i] = ("state %d: 5 answers, %s\n"):format(i, realname)
    end
    assert.equal(table.concat(expected), out)
    assert.equal(1, sb:state().fetches)
    assert.equal(40, sb:state().calls[face.api .. "/member/query"])
  end)

  it("copas: the loop keeps running", function()
    require_all("5.1", needs.file("/usr/share/lua/5.1/copas.lua", "lua-copas"))
    local out, status = shell("cd examples/copas && " .. environment "5.1" .. "lua5.1 members.lua | sort")
    assert.equal(0, status, out)
    assert.equal(("1\t%s\n2\t%s\n3\t%s\nthe loop went on\n"):format(realname, realname, realname), out)
    assert.equal(1, sb:state().fetches)
  end)

  it("haproxy: answers others while a call is held", function()
    local lua = lua_of_haproxy()
    require_all(lua, needs.program("haproxy", "haproxy"))
    shell(("cp examples/haproxy/*.lua %s && sed 's|127.0.0.1:8081|unix@%s/socket|' examples/haproxy/haproxy.cfg "
      .. ">%s/haproxy.cfg"):format(dir, dir, dir))
    local run = assert(io.popen(("cd %s && %s %s -q -f haproxy.cfg -p %s/pid -D >%s/log 2>&1; cat %s/log"):format(
      dir, environment(lua), "PATH=$PATH:/usr/sbin haproxy", dir, dir, dir)))
    local started = run:read("*a")
    run:close()
    local function get(path, more)
      return sandbox.request("http://host" .. path, { "--unix-socket", dir .. "/socket", "--max-time", "20", more })
    end
    finally(function()
      shell("kill $(cat " .. dir .. "/pid)")
    end)
    assert.equal(realname .. "\n", get("/member" .. MEMBER).body, started)
    assert.equal("api\n", get("/member?mobile=13000000000&storeNo=1").body)
    sb:fault { kind = "hold", path = "api" }
    local held = assert(io.popen(("curl -s --unix-socket %s/socket 'http://host/member%s'"):format(dir, MEMBER)))
    assert.is_true(sb:wait({ held = 1 }).reached)
    for _ = 1, 10 do
      assert.equal("pong", get("/ping").body)
    end
    sb:release()
    assert.equal(realname .. "\n", held:read("*a"))
    held:close()
    assert.equal(1, sb:state().fetches)
  end)

  it("neovim: the editor stays responsive while a call is in flight", function()
    require_all("luajit", needs.program("nvim", "neovim"))
    local file = assert(io.open(dir .. "/drive.lua", "w"))
    file:write(([[
      local function say(text) io.stdout:write(text, "\n") io.stdout:flush() end
      vim.notify = function(text) say(text) vim.cmd "qa!" end
      vim.cmd "luafile %s/examples/neovim/itrigger.lua"
      vim.cmd "ITriggerMember 18899888899 1159374785466208256"
      local timer, turns = vim.loop.new_timer(), 0
      timer:start(0, 1, function()
        turns = turns + 1
        if turns == 20 then say "20 turns" timer:close() end
      end)
    ]]):format(top))
    file:close()
    sb:fault { kind = "hold", path = "api" }
    local nvim = assert(io.popen(environment "luajit" .. "XDG_CACHE_HOME=" .. dir .. " timeout 60 nvim --headless -u NONE -i NONE -S "
      .. dir .. "/drive.lua 2>&1 </dev/null"))
    assert.is_true(sb:wait({ held = 1 }).reached)
    local first = nvim:read("*l")
    assert.equal("20 turns", first)
    assert.equal(1, sb:state().held)
    sb:release()
    assert.equal(realname, nvim:read("*l"))
    nvim:close()
    assert.equal(1, sb:state().fetches)
  end)

  it("apache: the threads of two processes share one token", function()
    local lua = lua_of_apache()
    require_all(lua, needs.program("apache2", "apache2-bin") or needs.module("luv", "lua-luv"))
    local port = free_port()
    shell(("mkdir %s/store && chmod 755 %s && cp examples/apache/member.lua %s && sed 's|127.0.0.1:8082|127.0.0.1:%d|' "
      .. "examples/apache/httpd.conf >%s/httpd.conf"):format(dir, dir, dir, port, dir))
    -- Its workers are www-data, who may not enter every directory that root can have the tree in.
    shell(("mkdir -p %s/build/%s && cp -r lua %s && cp -r build/%s/itrigger %s/build/%s"):format(dir, lua, dir, lua, dir, lua))
    if shell("id -u") == "0\n" then
      shell("chown www-data " .. dir .. "/store && chmod 700 " .. dir .. "/store")
    else
      shell("sed -i '/^User /d; /^Group /d' " .. dir .. "/httpd.conf")
    end
    local out, status = shell(("cd %s && "):format(dir) .. environment(lua, dir)
      .. "PATH=$PATH:/usr/sbin apache2 -d \"$PWD\" -f httpd.conf")
    finally(function()
      shell(("kill $(cat %s/apache.pid); while [ -e %s/apache.pid ]; do sleep 0.05; done"):format(dir, dir))
    end)
    assert.equal(0, status, out)
    local url = ("http://127.0.0.1:%d/member"):format(port)
    assert.equal(realname .. "\n", sandbox.request(url .. MEMBER).body, shell("cat " .. dir .. "/error.log"))
    assert.equal(404, sandbox.request(url .. "?mobile=13000000000&storeNo=1159374785466208256").status)
    out = shell(("curl -s --noproxy '*' -Z --parallel-max 16 '%s%s&n=[1-40]' 2>/dev/null | sort | uniq -c"):format(url, MEMBER))
    assert.truthy(out:find("^%s*40 " .. realname .. "\n"), out)
    assert.equal(1, sb:state().fetches)
  end)

  it("openresty: the whole configuration", function()
    require_all "luajit"
    local replace = ("s|listen 127.0.0.1:8080;|listen unix:%s/socket;|; s|/var/lib/itrigger|%s/store|; "
      .. "s|^user www-data;|user root root;|; "
      .. "s|# lua_package_path.*|lua_package_path \"%s/lua/?.lua;%s/lua/?/init.lua;;\";|; "
      .. "s|# lua_package_cpath.*|lua_package_cpath \"%s/build/luajit/?.so;;\";|"):format(dir, dir, top, top, top)
    shell(("sed '%s' examples/openresty/nginx.conf >%s/nginx.conf"):format(replace, dir))
    if shell("id -u") ~= "0\n" then
      shell(("sed -i 's|^user root root;||' %s/nginx.conf"):format(dir))
    end
    local out, status = shell(environment "luajit" .. ("PATH=$PATH:/usr/sbin nginx -p %s -c nginx.conf"):format(dir))
    assert.equal(0, status, out)
    finally(function()
      shell(("kill $(cat %s/nginx.pid); while [ -e %s/nginx.pid ]; do sleep 0.05; done"):format(dir, dir))
    end)
    local function get(path)
      return sandbox.request("http://host" .. path, { "--unix-socket", dir .. "/socket", "--max-time", "20" })
    end
    assert.equal(realname .. "\n", get("/member" .. MEMBER).body)
    assert.equal(404, get("/member?mobile=13000000000&storeNo=1159374785466208256").status)
    assert.equal(realname .. ": 100\n", get("/card" .. MEMBER).body)
    assert.equal("welcome\n", get("/club/" .. MEMBER).body)
    assert.equal(403, get("/club/?mobile=13000000000&storeNo=1159374785466208256").status)
    assert.equal("pong\n", get("/ping").body)
    assert.equal(1, sb:state().fetches)
    local function succeeded()
      return tonumber(get("/metrics").body:match 'itrigger_calls_total{app="[^"]*",outcome="ok"} (%d+)\n')
    end
    assert.equal(4, succeeded()) -- of both workers
    shell(("curl -s -Z --parallel-immediate --parallel-max 20 --unix-socket %s/socket 'http://host/member%s&n=[1-100]'"):format(
      dir, MEMBER))
    assert.equal(104, succeeded())
  end)
end)
