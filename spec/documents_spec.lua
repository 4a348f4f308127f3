-- Every code block of the documents runs, or RULES says why it does not. A Lua block is a program of its own against the
-- sandbox, a JSON block is decoded; for any other language there is a rule.

local cjson = require "cjson"
local face = require "spec.support.face"
local itriggerd = require "spec.support.itriggerd"
local needs = require "spec.support.needs"
local sandbox = require "spec.support.sandbox"

local function shell(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  file:close()
end

local TOP = shell("pwd"):match("[^\n]+")

-- ---- the blocks ----

-- Of one document: { file =, line =, language =, text = }. Indented ones (of a list) lose their indent.
local function blocks_of(file)
  local blocks, current, number = {}, nil, 0
  for line in read(file):gmatch("([^\n]*)\n") do
    number = number + 1
    local indent, language = line:match("^( *)```(%w*)$")
    if indent and not current then
      current = { file = file, line = number, language = language, indent = indent, lines = {} }
    elseif indent then
      current.text = table.concat(current.lines, "\n") .. "\n"
      blocks[#blocks + 1], current = current, nil
    elseif current then
      table.insert(current.lines, (line:gsub("^" .. current.indent, "")))
    end
  end
  assert(not current, file .. ": a block without an end")
  return blocks
end

local DOCUMENTS = {}
for file in shell("ls *.md */README.md; find docs -name '*.md' | LC_ALL=C sort"):gmatch("[^\n]+") do
  DOCUMENTS[#DOCUMENTS + 1] = file
end

-- ---- running ----

local sb, dir, place

-- Runs a command in the specs' directory of their own; returns what it printed and its exit status.
local function run(command, environment)
  local words = { "cd", quote(dir), "&& env" }
  for name, value in pairs(environment) do
    words[#words + 1] = value and quote(name .. "=" .. value) or nil
  end
  local output, status = shell(table.concat(words, " ") .. " " .. command .. " 2>&1; echo \"exit $?\""):match("^(.-)exit (%d+)\n$")
  return output, tonumber(status)
end

local function environment_of(more)
  local variables = {
    ITRIGGER_GATEWAY = sb.gateway,
    ITRIGGER_APP_ID = sb.app_id,
    ITRIGGER_APP_SECRET = sb.app_secret,
    ITRIGGER_TOKEN_STORE = "memory:", -- each run is one without a past
  }
  for name, value in pairs(more or {}) do
    variables[name] = value
  end
  return variables
end

local function run_lua(block, more, text)
  write(dir .. "/block.lua", text or block.text)
  write(dir .. "/mobiles.txt", "18899888899\n18800000000\n")
  local output, status = run(quote(face.interpreter()) .. " block.lua", environment_of(more))
  assert.equal(0, status, output)
  return output
end

-- ---- how ----

-- What differs from run to run.
local function steady(line)
  return (line:gsub("127%.0%.0%.1:%d+", "HOST"):gsub("sha256:%x+", "ID"):gsub("[%d.]+ms", "TIME"))
end

-- The program of the document prints this block.
local function printed_by_first_program(block)
  local program = blocks_of(block.file)
  for _, other in ipairs(program) do
    if other.language == "lua" then
      return assert.equal(block.text, run_lua(other))
    end
  end
end

-- A line of that program's trace.
local function traced_by_first_program(block)
  for _, other in ipairs(blocks_of(block.file)) do
    if other.language == "lua" then
      local output = run_lua(other, { ITRIGGER_TRACE = "1" })
      return assert.truthy(steady(output):find(steady(block.text), 1, true), output)
    end
  end
end

-- What a new user types, in another directory than the tree's; it is built already.
local function from_the_tree(block)
  write(dir .. "/hello.lua", blocks_of(block.file)[2].text)
  local text = block.text:gsub("^make\n", ""):gsub("make %-s", "make -s -C " .. TOP):gsub("sandbox/run", TOP .. "/%0")
  write(dir .. "/block.sh", "set -eu\nunset MAKEFLAGS MFLAGS\n" .. text)
  local output, status = run("sh block.sh", { SANDBOX_DIR = "", XDG_CACHE_HOME = dir, ITRIGGER_TOKEN_STORE = "memory:" })
  assert.equal(0, status, output)
  assert.equal(blocks_of(block.file)[4].text, output)
end

-- Each command succeeds. The command is built for one Lua, and needs lua-argparse.
local function from_the_shell(block)
  write(dir .. "/block.sh", "set -eu\n" .. block.text)
  local output, status = run("sh block.sh", environment_of { HOME = dir })
  assert.equal(0, status, output)
end

-- With an itriggerd for the documented address and key, and this sandbox as the gateway.
local function with_daemon(text)
  local d = place:start()
  local values = {
    ["http://127%.0%.0%.1:8700"] = d.url,
    ["https://tokens%.internal:8700"] = d.url,
    ['app_id = "…"'] = ("app_id = %q"):format(place.app_id),
    ['gateway = "https://…"'] = ("gateway = %q"):format(sb.gateway),
    ['token_store_key = "…"'] = ("token_store_key = %q"):format(itriggerd.key),
    ["appSecret=KEY"] = "appSecret=" .. itriggerd.key,
    APPID = place.app_id,
  }
  for from, to in pairs(values) do
    text = text:gsub(from, to)
  end
  return text
end

local function client_of_daemon(block)
  local text = with_daemon(block.text) .. "\nio.write((assert(client:token())))"
  assert.equal(32, #run_lua(block, { ITRIGGER_APP_ID = false, ITRIGGER_APP_SECRET = false }, text))
end

-- Each command of curl gets a token; the comment below it shows what else is in the answer.
local function curl_of_daemon(block)
  local text = with_daemon(block.text):gsub("1795500000000", "1"):gsub("wait=30", "wait=0"):gsub("curl ", "curl -sS ")
  write(dir .. "/block.sh", "set -eu\n" .. text)
  local output, status = run("sh block.sh", { KEY = itriggerd.key })
  assert.equal(0, status, output)
  local _, asked = text:gsub("curl ", "")
  local _, answered = output:gsub('"accessToken"', "")
  assert.equal(asked, answered, output)
end

-- The names that sandbox/run printed for this sandbox.
local function printed_by_sandbox(block)
  local function names(text)
    return (text:gsub("=[^\n]*", ""))
  end
  assert.equal(names(read(sb.dir .. "/env")), names(block.text))
end

-- Control calls, of which none is refused.
local function control_calls(block)
  write(dir .. "/block.sh", "set -eu\n" .. block.text:gsub("curl ", "curl -sS "))
  local output, status = run("sh block.sh", { ITRIGGER_GATEWAY = sb.gateway })
  assert.equal(0, status, output)
  assert.falsy(output:find('"error"', 1, true), output)
end

-- A block of a spec, which has the tree on its path.
local function in_a_spec(block)
  run_lua(block, {}, "package.path = '" .. TOP .. "/?.lua;' .. package.path\n" .. block.text)
end

-- What a new user types to try the command, with this sandbox as the gateway.
local function command_for_the_sandbox(block)
  local text = block.text:gsub("https://gateway%-dev%.itrigger%.cn", sb.gateway):gsub("APP_ID=666", "APP_ID=" .. sb.app_id)
  write(dir .. "/block.sh", "set -eu\n" .. text)
  local output, status = run("sh block.sh", {
    HOME = dir, XDG_CACHE_HOME = dir, SECRET = sb.app_secret, PATH = TOP .. "/build/bin:" .. os.getenv "PATH",
  })
  assert.equal(0, status, output)
  assert.truthy(output:find("ok       test call", 1, true) and output:find("张三", 1, true), output)
end

-- Specs for busted, in the directory that has the module that they test: the first block of the page.
local function busted_for(block)
  write(dir .. "/shop.lua", blocks_of(block.file)[1].text)
  return ("%s %s/tools/busted.lua -o TAP"):format(quote(face.interpreter()), quote(TOP))
end

local function in_busted(block)
  write(dir .. "/block_spec.lua", block.text)
  local output, status = run(busted_for(block) .. " block_spec.lua", environment_of())
  assert.equal(0, status, output)
  assert.truthy(output:find("\nok 5 ", 1, true), output)
end

-- In a sandbox that is started and stopped as the page says, by the block before it.
local function in_busted_with_sandbox(block)
  local script
  for _, other in ipairs(blocks_of(block.file)) do
    script = other.text:find("itrigger sandbox", 1, true) and other.text or script
  end
  write(dir .. "/sandbox_spec.lua", block.text)
  local busted = busted_for(block):gsub("%%", "%%%%")
  write(dir .. "/block.sh", "set -eu\n" .. script:gsub("busted %-%-lua=lua5%.4", busted))
  local output, status = run("sh block.sh", { PATH = TOP .. "/build/bin:" .. os.getenv "PATH" })
  assert.equal(0, status, output)
  assert.truthy(output:find("\nok 5 ", 1, true), output)
end

-- A whole nginx.conf, for this sandbox, on a socket and with files of its own.
local function in_nginx(block)
  write(dir .. "/secret", sb.app_secret .. "\n")
  shell(("cd %s && chmod 755 . && chmod 600 secret && mkdir -m 700 store"):format(quote(dir)))
  local text = block.text
  for from, to in pairs {
    ["user www-data;"] = ("user %s %s;\npid nginx.pid;\nerror_log error.log;"):format(shell("id -un"):match("%S+"),
      shell("id -gn"):match("%S+")),
    ["http {"] = (([[http { access_log off; lua_package_path "TOP/lua/?.lua;TOP/lua/?/init.lua;/usr/share/lua/5.1/?.lua;;";
      lua_package_cpath "TOP/build/luajit/?.so;;";]]):gsub("TOP", TOP)),
    ['gateway = "https://…", app_id = "…"'] = ("gateway = %q, app_id = %q"):format(sb.gateway, sb.app_id),
    ["/etc/itrigger/secret"] = dir .. "/secret",
    ["/var/lib/itrigger"] = dir .. "/store",
    ["listen 8080;"] = "listen unix:" .. dir .. "/socket;",
  } do
    local first, last = text:find(from, 1, true)
    text = text:sub(1, assert(first, from) - 1) .. to .. text:sub(last + 1)
  end
  write(dir .. "/nginx.conf", text)
  write(dir .. "/block.sh", [[
    PATH=$PATH:/usr/sbin
    trap 'kill $(cat nginx.pid)' EXIT
    env -u LUA_PATH -u LUA_CPATH nginx -p "$PWD" -c "$PWD/nginx.conf" || exit
    for query in 'mobile=18899888899&storeNo=1159374785466208256' 'mobile=18800000000&storeNo=1159374785466208256' 'mobil=1'; do
      curl -sS -w ' %{http_code}\n' --unix-socket socket "http://nginx/member?$query"
    done]])
  local output, status = run("sh block.sh", {})
  assert.equal(0, status, output)
  assert.truthy(output:find('"realName":"张三".-}\n 200\n{"error":"member_not_found"}\n 404\n{"error":"usage"}\n 400\n$'), output)
end

-- Targets exist, and so do tools and the files that they are given.
local function commands_exist(block)
  for line in block.text:gmatch("[^\n]+") do
    local command = line:gsub("%s+#.*$", "")
    local target = command:match("^make ([%w-]+)$") or command:match("^make ([%w-]+) ")
    if target and not command:find("=", 1, true) then
      local words = command:sub(6)
      assert.equal("0", shell("env -u MAKEFLAGS -u MFLAGS make -n " .. words .. " >/dev/null 2>&1; echo $?"):match("%d"), line)
    end
    for path in command:gmatch("%f[%w.][.%w_]+/[%w_./-]+") do
      if not path:find("^build/") then
        assert.equal(0, #shell("test -e " .. quote(path) .. " || echo no"), path)
      end
    end
    if command:find("--filter", 1, true) then
      assert.truthy(shell("env -u SANDBOX_DIR " .. command):find("\nok 2 ", 1, true), line)
    end
  end
end

-- Why a block does not run here: a reason for `pending`, or false where only another Lua runs it.
local function on_5_4(lacks)
  return function()
    if _VERSION ~= "Lua 5.4" then
      return false
    end
    return needs.build "5.4" or lacks and lacks() or needs.plain_build() or nil
  end
end

local function lacks_module(name)
  return function()
    return needs.module(name, "lua-" .. name)
  end
end

local LACKS = {
  [from_the_tree] = on_5_4(),
  [from_the_shell] = on_5_4(lacks_module "argparse"),
  [command_for_the_sandbox] = on_5_4(lacks_module "argparse"),
  [in_nginx] = on_5_4(function()
    return needs.build "luajit"
  end),
  [in_busted_with_sandbox] = on_5_4(lacks_module "argparse"),
  [commands_exist] = on_5_4(),
  [client_of_daemon] = needs.itriggerd,
  [curl_of_daemon] = needs.itriggerd,
}

local function run_in_loop(module)
  local rule = function(block)
    run_lua(block)
  end
  LACKS[rule] = lacks_module(module)
  return rule
end

-- Nothing to run.
local DRAWING = "a drawing"

-- File → { a text in the block, why it does not run or what runs it }.
local RULES = {
  ["README.md"] = {
    { "make demo", "each of the two is a step of .ci/run" },
    { "sandbox/run --stop", from_the_tree },
    { "itrigger doctor", from_the_shell },
    { "会员不存在", printed_by_first_program },
    { "ITRIGGER_APP_SECRET_FILE", "the vendor's gateway" },
    { "make install", "spec/makefile_spec.lua and spec/packages; the first two are steps of .ci/run" },
  },
  ["CONTRIBUTING.md"] = {
    { "make sandbox", commands_exist },
    { "make check-all", commands_exist },
    { "make CFLAGS", commands_exist },
  },
  ["bench/README.md"] = {
    { "make bench-nginx", commands_exist },
  },
  ["docs/central-server.md"] = {
    { "the vendor's", DRAWING },
    { "systemctl", "it would change this machine" },
    { "itriggerd\n", "it would listen on a fixed port; spec/itriggerd_spec.lua starts it so" },
    { "require \"itrigger\".new", client_of_daemon },
    { "accessTokenOpen", curl_of_daemon },
    { "newer_than", curl_of_daemon },
  },
  ["docs/zh-CN/central-server.md"] = {
    { "itriggerd │", DRAWING },
    { "systemctl", "it would change this machine" },
    { "itriggerd\n", "it would listen on a fixed port; spec/itriggerd_spec.lua starts it so" },
    { "require \"itrigger\".new", client_of_daemon },
    { "accessTokenOpen", curl_of_daemon },
    { "refused", curl_of_daemon },
  },
  ["docs/design.md"] = {
    { "transport.h", DRAWING },
    { "TOKEN → SEND", DRAWING },
  },
  ["docs/reference.md"] = {
    { "itrigger pages", from_the_shell },
  },
  ["docs/event-loops.md"] = {
    { 'require "luv"', run_in_loop "luv" },
    { 'require "cqueues"', run_in_loop "cqueues" },
    { "send = function", "an outline; spec/hosts/examples_spec.lua runs two such transports" },
  },
  ["docs/guide.md"] = {
    { "itrigger doctor", command_for_the_sandbox },
    { "token=sha256:", traced_by_first_program },
    { "MAILTO", "cron's own table; the block before it is the program" },
  },
  ["docs/testing.md"] = {
    { "testing.sequence", in_busted },
    { "itrigger sandbox", "it runs with the next block" },
    { "close_after", in_busted_with_sandbox },
  },
  ["docs/openresty.md"] = {
    { "load_module", in_nginx },
    { "init_by_lua_block", "spec/hosts/nginx_spec.lua and examples_spec.lua run nginx with such a block" },
    { "content_by_lua_block", "spec/hosts/examples_spec.lua runs nginx with such a block" },
  },
  ["docs/stores.md"] = {
    { "token_store_key", client_of_daemon },
    { "ACL SETUSER", "spec/store_redis_errors_spec.lua gives these rights" },
    { "POST /v1/apps", DRAWING },
  },
  ["sandbox/README.md"] = {
    { "SANDBOX_PID=", printed_by_sandbox },
    { "_sandbox/state", control_calls },
    { "spec.support.sandbox", in_a_spec },
  },
  ["src/README.md"] = {
    { "core/base", DRAWING },
  },
}
RULES["README.zh-CN.md"] = RULES["README.md"]
RULES["docs/zh-CN/guide.md"] = RULES["docs/guide.md"]
for _, name in ipairs { "testing.md", "openresty.md", "event-loops.md", "stores.md", "reference.md" } do
  RULES["docs/zh-CN/" .. name] = RULES["docs/" .. name]
end

local function rule_of(block)
  for _, rule in ipairs(RULES[block.file] or {}) do
    if block.language ~= "json" and block.text:find(rule[1], 1, true) then
      rule.used = true
      return rule[2]
    end
  end
end

describe("a code block of the documents:", function()
  before_each(function()
    sb = sandbox.shared()
    sb:reset()
    dir = shell("mktemp -d"):match("%S+")
    place = itriggerd.place(sb)
  end)

  after_each(function()
    place:remove()
    shell("rm -rf " .. quote(dir))
  end)

  for _, file in ipairs(DOCUMENTS) do
    for _, block in ipairs(blocks_of(file)) do
      local rule = rule_of(block)
      local name = ("%s:%d (%s)"):format(file, block.line, block.language)
      local lacks
      if LACKS[rule] then
        lacks = LACKS[rule]()
      end
      if lacks then
        pending(name .. ": " .. lacks)
      elseif type(rule) == "function" and lacks == nil then
        it(name, function()
          rule(block)
        end)
      elseif rule then
        if block.language == "sh" and type(rule) == "string" then
          it(name .. " is no syntax error", function()
            write(dir .. "/block.sh", block.text)
            assert.equal("", run("sh -n block.sh", {}))
          end)
        end
      elseif block.language == "lua" then
        it(name, function()
          run_lua(block)
        end)
      elseif block.language == "json" then
        it(name, function()
          cjson.decode(block.text)
        end)
      else
        it(name, function()
          error("neither run nor listed: add it to RULES\n" .. block.text)
        end)
      end
    end
  end

  it("RULES lists no block that is gone", function()
    for file, rules in pairs(RULES) do
      for _, rule in ipairs(rules) do
        assert.truthy(rule.used, file .. ": " .. rule[1])
      end
    end
  end)
end)

-- English and Chinese: the same blocks in the same order; the programs differ in comments and texts alone.
describe("two languages of a page show the same programs:", function()
  -- Without comments, and without texts in Chinese or of several words.
  local function bare(text)
    return (text:gsub("%s*%-%-[^\n]*", ""):gsub('"[^"\n]*[\128-\255 ][^"\n]*"', '""'))
  end

  local twins = { ["README.md"] = "README.zh-CN.md" }
  for _, file in ipairs(DOCUMENTS) do
    local name = file:match("^docs/zh%-CN/(.*)$")
    if name then
      twins["docs/" .. name] = file
    end
  end
  for english, chinese in pairs(twins) do
    it(chinese, function()
      local ours, theirs = blocks_of(english), blocks_of(chinese)
      for i = 1, math.max(#ours, #theirs) do
        local one, other = ours[i] or {}, theirs[i] or {}
        local where = ("%s:%s, %s:%s"):format(english, tostring(one.line), chinese, tostring(other.line))
        assert.equal(one.language, other.language, where)
        if one.language == "lua" then
          assert.equal(bare(one.text), bare(other.text), where)
        end
      end
    end)
  end
end)

describe("the messages of the guide", function()
  -- As the sources write them, where adjacent strings are one; what is filled in is left out.
  local sources = shell("find src lua -type f | LC_ALL=C sort | xargs cat"):gsub('"[%s\\]*\n%s*"', "")
  for _, file in ipairs { "docs/guide.md", "docs/zh-CN/guide.md" } do
    it("are those of the library: " .. file, function()
      local table_of = read(file):match("\n| message |.-\n\n") or read(file):match("\n| 报错原文 |.-\n\n")
      local n = 0
      for message in table_of:gmatch("\n| `([^`]*)` |") do
        for part in message:gsub("app_secret", "\n"):gsub("…", "\n"):gmatch("%f[%w%%][%w_%%][%w_%% ]*%f[^%w_]") do
          n = n + 1
          assert.truthy(sources:find(part, 1, true) or part:find("^%d+$"), message .. ": " .. part)
        end
      end
      assert.truthy(n >= 7, n)
    end)
  end
end)

describe("what documents name", function()
  -- Where a path that a document names may begin.
  local function exists(path, file)
    for _, from in ipairs { "", file:match("^(.*/)") or "", "src/", "src/core/" } do
      local found = io.open(from .. path, "rb")
      if found then
        found:close()
        return true
      end
    end
  end

  -- GitHub's: lower case, without punctuation, with hyphens for spaces.
  local function anchors(file)
    local set = {}
    for title in ("\n" .. read(file)):gmatch("\n#+ ([^\n]+)") do
      set[title:lower():gsub("[^%w%s_\128-\255-]", ""):gsub("%s", "-")] = true
    end
    return set
  end

  for _, file in ipairs(DOCUMENTS) do
    it("is there: " .. file, function()
      local text = read(file):gsub("\n```.-\n```", "")
      for path in text:gmatch("`([%w_./-]+/[%w_.-]+%.%l+)`") do
        if exists(path:match("^[^/]*"), file) and not path:find("^build/") then
          assert.truthy(exists(path, file), path)
        end
      end
      for target in text:gmatch("%]%(([^)]+)%)") do
        local path, anchor = target:match("^([^#]*)#?(.*)$")
        if not path:find("^%l+:") then
          local place_of = path == "" and file or (file:match("^(.*/)") or "") .. path
          assert.truthy(exists(path == "" and file or path, file), target)
          assert.truthy(anchor == "" or anchors(place_of)[anchor], target)
        end
      end
    end)
  end
end)
