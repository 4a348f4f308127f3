-- The command itrigger, as a process of its own against the sandbox.
local cjson = require "cjson"
local face = require "spec.support.face"
local needs = require "spec.support.needs"
local network = require "spec.support.network"
local sandbox = require "spec.support.sandbox"

local unpack = table.unpack or unpack

local path = face.api .. "/member/query"

describe("the command itrigger", function()
  local sb, environment, directory

  setup(function()
    sb = sandbox.shared()
  end)

  before_each(function()
    sb:reset()
    directory = os.tmpname()
    os.remove(directory)
    assert(os.execute("mkdir " .. directory))
    local id, secret = face.app(sb)
    environment = {
      ITRIGGER_APP_ID = id, ITRIGGER_APP_SECRET = secret, ITRIGGER_GATEWAY = sb.gateway, XDG_CONFIG_HOME = directory,
      LC_ALL = "C",
    }
  end)

  after_each(function()
    os.execute("rm -rf " .. directory)
  end)

  local function quote(text)
    return "'" .. text:gsub("'", "'\\''") .. "'"
  end

  local function read(name)
    local file = assert(io.open(name, "rb"))
    local text = file:read("*a")
    file:close()
    return text
  end

  local function write(name, text)
    local file = assert(io.open(directory .. "/" .. name, "wb"))
    file:write(text)
    file:close()
    return directory .. "/" .. name
  end

  -- The line of a shell that runs this script in the command's environment; $itrigger is the command.
  local function script_line(script)
    local line = { "env" }
    for name, value in pairs(environment) do
      line[#line + 1] = quote(name .. "=" .. value)
    end
    line[#line + 1] = quote("itrigger=" .. face.interpreter() .. " bin/itrigger")
    line[#line + 1] = "sh -c " .. quote(script)
    return table.concat(line, " ")
  end

  -- Runs a script of the shell; returns its exit status, standard output, standard error.
  local function sh(script)
    local errors = directory .. "/stderr"
    local pipe = assert(io.popen(script_line(script) .. " 2>" .. errors .. "; s=$?; echo; echo $s"))
    local out, status = pipe:read("*a"):match("^(.-)\n(%d+)\n$")
    pipe:close()
    return tonumber(status), out, read(errors)
  end

  -- Runs the command; returns as `sh` does.
  local function itrigger(words, input)
    local line = { "exec $itrigger" }
    for _, word in ipairs(words) do
      line[#line + 1] = quote(word)
    end
    local from = input and "printf %s " .. quote(input) .. " | " or ""
    return sh((from == "" and "" or from .. "(") .. table.concat(line, " ") .. (from == "" and "" or ")"))
  end

  local function words(text)
    local list = {}
    for word in text:gmatch("%S+") do
      list[#list + 1] = word
    end
    return list
  end

  local member = "mobile=18899888899 storeNo=1159374785466208256"

  it("calls by path and by name, and prints compact JSON into a pipe", function()
    local status, out, err = itrigger(words("get " .. path .. " " .. member))
    assert.same({ 0, "" }, { status, err })
    assert.equal("张三", cjson.decode(out).data.realName)
    local _, same = itrigger(words("member query " .. member))
    assert.same(cjson.decode(out), cjson.decode(same))
    assert.equal(1, select(2, out:gsub("\n", "\n")))
  end)

  it("picks members, and prints tables and text", function()
    assert.same({ 0, "张三\n", "" }, { itrigger(words("member query --filter data.realName " .. member)) })
    local status, _, err = itrigger(words("member query --filter data.nothing " .. member))
    assert.equal(1, status)
    assert.truthy(err:find("--filter data.nothing: the answer has no such member", 1, true))
    local _, out = itrigger(words("member point_list --output table pageNum=1 pageSize=2 " .. member))
    assert.truthy(out:find("^detailReason  exchangePoints  exchangeTime         id\n"), out)
    _, out = itrigger(words("member point_list --output text pageNum=1 pageSize=1 " .. member))
    assert.truthy(out:find("\t2019-05-16 14:53:23\t473296\n", 1, true), out)
    _, out = itrigger(words("member point_list --filter data[1].id pageNum=1 pageSize=2 " .. member))
    assert.equal("473295\n", out)
  end)

  it("sends text, JSON, files and arrays as they are written", function()
    local file = write("body.json", '{"id":226529926389059299}')
    local function echo(line, input)
      local _, out = itrigger(words("post " .. face.echo_post .. " --dry-run " .. line), input)
      return out:match("\n(.-)\n$")
    end
    assert.equal('{"a":"1"}', echo("a=1"))
    assert.equal('{"a":[1,2]}', echo("a:=1 a:=2"))
    assert.equal('{"a":"226529926389059299"}', echo("a:=226529926389059299"))
    assert.equal('{"a":{"b":null}}', echo('a:={"b":null}'))
    assert.truthy(echo("@" .. file):find("226529926389059299", 1, true))
    assert.truthy(echo("-", '{"x":[]}'):find('{"x":', 1, true))
    assert.equal('{"a":"{\\"id\\":226529926389059299}"}', echo("a=@" .. file))
    local status, _, err = itrigger(words("get /x a:=[1"))
    assert.equal(2, status)
    assert.truthy(err:find("a: not JSON", 1, true), err)
    status, _, err = itrigger(words("get /x nonsense"))
    assert.equal(2, status)
    assert.truthy(err:find('"nonsense" is not name=value', 1, true), err)
    assert.equal(0, sb:state().requests)
  end)

  it("takes a channel by its name", function()
    local _, out = itrigger(words("member register --dry-run channel=wechat " .. member))
    assert.equal(2, cjson.decode(out:match("\n(.-)\n$")).channel)
  end)

  it("exits with 1, 2, 3, 4 for the gateway's no, usage, the network, the token", function()
    local status, _, err = itrigger(words("member query mobile=10000000000 storeNo=1"))
    assert.equal(1, status)
    assert.truthy(err:find("^itrigger: api 80002 member_not_found: "), err)
    status, _, err = itrigger(words("member query mobil=1"))
    assert.equal(2, status)
    assert.truthy(err:find('did you mean "mobile"?; missing: mobile, storeNo', 1, true), err)
    assert.equal(2, (itrigger(words("nonsense"))))
    assert.equal(2, (itrigger({})))
    environment.ITRIGGER_APP_SECRET, environment.ITRIGGER_TOKEN_STORE = "wrong", "memory:"
    assert.equal(4, (itrigger(words("member query " .. member))))
    environment.ITRIGGER_GATEWAY = "http://127.0.0.1:1"
    assert.equal(3, (itrigger(words("member query --timeout 2 " .. member))))
    environment.ITRIGGER_GATEWAY = "nothing"
    status, _, err = itrigger(words("member query " .. member))
    assert.equal(2, status)
    assert.truthy(err:find("ITRIGGER_GATEWAY", 1, true), err)
    environment.ITRIGGER_GATEWAY = nil
    status, _, err = itrigger(words("member query " .. member))
    assert.equal(2, status)
    assert.truthy(err:find("; set ITRIGGER_GATEWAY, or store it with: itrigger configure\n$"), err)
  end)

  it("prints the raw answer, its head, and a line for curl without the token", function()
    local _, out = itrigger(words("member query --raw " .. member))
    assert.equal(200, cjson.decode(out).code)
    local status
    status, out = itrigger(words("member query -i mobile=10000000000 storeNo=1"))
    assert.equal(1, status)
    assert.truthy(out:find("^HTTP 200\n") and out:find("\ncontent%-type: application/json"), out)
    _, out = itrigger(words("member query --curl " .. member))
    assert.equal("curl '" .. sb.gateway .. path .. "?accessToken=***&mobile=18899888899&storeNo=1159374785466208256'\n", out)
  end)

  it("shows the token only when asked, and its state", function()
    local _, out = itrigger({ "token" })
    assert.truthy(out:find("^sha256:%x+ from gateway\n$"), out)
    local _, shown = itrigger({ "token", "--show" })
    assert.truthy(shown:find("^%x+\n$"), shown)
    _, out = itrigger({ "stats" })
    assert.equal("held", cjson.decode(out).state)
    assert.falsy(out:find(shown:match("%x+"), 1, true))
  end)

  it("lists and describes endpoints in the user's language", function()
    local _, out = itrigger({ "endpoints", "coupon" })
    assert.equal(5, select(2, out:gsub("\n", "\n")))
    local status, nothing, err = itrigger({ "endpoints", "nix" })
    assert.same({ 1, "" }, { status, nothing })
    assert.truthy(err:find('no documented endpoint has "nix" in its name', 1, true), err)
    environment.LC_ALL = "zh_CN.UTF-8"
    _, out = itrigger(words("help member query"))
    assert.truthy(out:find("会员查询", 1, true) and out:find("storeNo  id        必填    门店编号", 1, true), out)
    assert.truthy(out:find("\n  itrigger member query mobile=18899888899 storeNo=1159374785466208256\n", 1, true), out)
    for _, line in ipairs { "describe member.qery", "help member.qery", "help member qery" } do
      status, nothing, err = itrigger(words(line))
      assert.same({ 2, "" }, { status, nothing })
      assert.truthy(err:find('did you mean "member.query"?', 1, true), err)
    end
    _, out = itrigger(words("member query --help"))
    assert.truthy(out:find("--filter", 1, true) and out:find("必填    门店编号", 1, true), out)
  end)

  it("takes the name of an endpoint as Lua writes it, and says which help fits wrong words", function()
    assert.same({ 0, "张三\n", "" }, { itrigger(words("--timeout 9 member.query --filter data.realName " .. member)) })
    for line, text in pairs {
      ["member qery"] = "unknown command 'qery'. Did you mean 'query'?; see: itrigger help member\n",
      ["--timeout x doctor"] = '--timeout is "x"; it must be a number; see: itrigger help doctor\n',
      ["help membr"] = 'unknown command "membr"; see: itrigger help\n',
      ["member query --raw --filter data " .. member] = "--raw and -i print the body as it came: leave out --filter and --output\n",
    } do
      local status, _, err = itrigger(words(line))
      assert.same({ 2, "itrigger: " .. text }, { status, err })
    end
  end)

  it("needs argparse for help and messages alone", function()
    local script = write("without.lua", 'package.preload.argparse = function() error("is not here", 0) end dofile "bin/itrigger"')
    local without = face.interpreter() .. " " .. script
    assert.equal(0, (sh(without .. " member query " .. member)))
    for _, line in ipairs { " help", " get" } do
      local status, out, err = sh(without .. line)
      assert.same({ 2, "" }, { status, out })
      assert.truthy(err:find("lua-argparse (Debian: lua-argparse; luarocks install argparse): is not here", 1, true), err)
    end
  end)

  it("prints members in one order", function()
    local _, out = itrigger(words("member point_list pageNum=1 pageSize=1 " .. member))
    assert.equal('{"code":200,"message":"操作成功","total":57,"pageNum":1,"pageSize":1,"pageCount":57,"data":[{"detailReason":"营销活动",'
      .. '"exchangePoints":"100.0","exchangeTime":"2019-05-16 14:53:23","id":473296}]}\n', out)
  end)

  it("prints all rows of a list, one a line", function()
    local status, out = itrigger(words("pages member.point_list pageSize=2 " .. member))
    assert.equal(0, status)
    local ids = {}
    for line in out:gmatch("[^\n]+") do
      ids[#ids + 1] = cjson.decode(line).id
    end
    assert.truthy(#ids > 2)
    assert.equal(473296, ids[1])
    local list = "pages member.point_list pageNum=28 pageSize=2 --output "
    local _, text = itrigger(words(list .. "text " .. member))
    assert.equal(3, select(2, text:gsub("\n", "")), text)
    assert.truthy(text:find("^[^\t\n]+\t[^\t\n]+\t[^\t\n]+\t%d+\n"), text)
    local _, columns = itrigger(words(list .. "table " .. member))
    assert.truthy(columns:find("^detailReason  exchangePoints  exchangeTime         id\n"), columns)
    assert.equal(4, select(2, columns:gsub("\n", "")), columns)
  end)

  it("prints the rows of a page before it waits for the next", function()
    sb:fault { kind = "hold_answer", path = face.api .. "/member/point/list", skip = 1 }
    local pipe = assert(io.popen(script_line("$itrigger pages member.point_list pageSize=2 " .. member)))
    local rows = { pipe:read "*l", pipe:read "*l" }
    assert.is_true(sb:wait({ held = 1 }).reached)
    sb:release()
    pipe:close()
    assert.equal(473295, cjson.decode(rows[2]).id)
  end)

  it("shows the request as it is sent, or refuses it as the call would", function()
    sb:settings { echo = true }
    for _, call in ipairs {
      { face.echo_get, "x=a b+c&d=é~*'", "y:=1.50", "w:=[true,9007199254740993]", "y=", "z:=[]" }, { face.echo_get, "中 文=值" },
    } do
      local _, out = itrigger { "get", "--dry-run", unpack(call) }
      local _, answer = itrigger { "get", "--filter", "data.uri", unpack(call) }
      local shown = out:gsub("accessToken=%*%*%*", "accessToken=" .. answer:match "accessToken=(%w+)")
      assert.equal("GET " .. sb.gateway .. answer, shown)
    end
    for _, call in ipairs {
      { face.echo_get, "x:=null" }, { face.echo_get, "x:=[null]" }, { face.echo_get, "x=\255" }, { face.echo_get, "accessToken=a" },
      { "/a/../b" }, { "/a\255" }, { "a" },
    } do
      local status, out, err = itrigger { "get", "--curl", unpack(call) }
      assert.same({ 2, "" }, { status, out })
      assert.equal(select(3, itrigger { "get", unpack(call) }), err)
    end
    assert.same({ 0, "curl '" .. sb.gateway .. "/a%20b/%25?accessToken=***'\n", "" }, { itrigger { "get", "--curl", "/a b/%" } })
    environment.ITRIGGER_GATEWAY = "HTTPS://Host.example:443/"
    assert.same({ 0, "GET https://host.example/x?accessToken=***\n", "" }, { itrigger { "get", "--dry-run", "/x" } })
    environment.ITRIGGER_GATEWAY = nil
    assert.same({ 0, "GET https://gateway.example/x?accessToken=***\n", "" }, { itrigger { "get", "--dry-run", "/x" } })
  end)

  it("shows the first request of a list and sends nothing", function()
    local query = "?accessToken=***&mobile=18899888899&pageNum=%d&pageSize=%d&storeNo=1159374785466208256"
    local list = face.api .. "/member/point/list"
    assert.same({ 0, "GET " .. sb.gateway .. list .. query:format(1, 100) .. "\n", "" },
      { itrigger(words("pages --dry-run member.point_list " .. member)) })
    assert.same({ 0, "curl '" .. sb.gateway .. list .. query:format(3, 20) .. "'\n", "" },
      { itrigger(words("pages --curl member.point_list pageNum=3 pageSize=20 " .. member)) })
    local status, out = itrigger(words("pages --dry-run coupons.list phone=18899888899"))
    assert.equal(0, status)
    assert.same({ pageNum = 1, pageSize = 100, phone = "18899888899" }, cjson.decode(out:match("\n(.-)\n$")))
    for line, text in pairs {
      ["pages --dry-run member.point_list mobil=1"] = 'did you mean "mobile"?; missing: mobile, storeNo',
      ["pages --curl /x pageNum=none"] = "bad argument 'params.pageNum' to 'pages'",
      ["pages --dry-run member.query " .. member] = "member.query is not a paged list; call it with: itrigger member query",
      ["pages member.query " .. member] = "member.query is not a paged list; call it with: itrigger member query",
    } do
      local err
      status, out, err = itrigger(words(line))
      assert.same({ 2, "" }, { status, out })
      assert.truthy(err:find(text, 1, true), err)
    end
    assert.equal(0, sb:state().requests)
  end)

  it("examines everything that a call needs", function()
    local status, out = itrigger({ "doctor" })
    assert.equal(0, status, out)
    for _, subject in ipairs { "versions", "option", "configuration", "certificate", "store", "token", "clock", "test call" } do
      assert.truthy(out:find("ok       " .. subject, 1, true), subject .. " is not in " .. out)
    end
    assert.truthy(out:find("app_secret = ***  (ITRIGGER_APP_SECRET)", 1, true), out)
    local file = write("secret", environment.ITRIGGER_APP_SECRET .. "\n")
    os.execute("chmod 644 " .. file)
    environment.ITRIGGER_APP_SECRET = nil
    environment.ITRIGGER_APP_SECRET_FILE = file
    status, out = itrigger({ "doctor" })
    assert.equal(1, status)
    assert.truthy(out:find("failure  secret file     " .. file .. " has mode 644", 1, true), out)
  end)

  it("says what is in order before it examines the next", function()
    sb:fault { kind = "hold", path = "token" }
    local pipe = assert(io.popen(script_line "$itrigger doctor"))
    local line
    repeat
      line = pipe:read "*l"
    until line == nil or line:find("^ok +certificate")
    assert.is_true(sb:wait({ held = 1 }).reached)
    sb:release()
    assert.truthy(line and pipe:read("*a"):find "\nok +test call")
    pipe:close()
  end)

  it("asks for a profile's options and keeps the secret in a private file", function()
    local gateway, id, secret = environment.ITRIGGER_GATEWAY, environment.ITRIGGER_APP_ID, environment.ITRIGGER_APP_SECRET
    environment.ITRIGGER_GATEWAY, environment.ITRIGGER_APP_ID, environment.ITRIGGER_APP_SECRET = nil, nil, nil
    local status, out = itrigger(words("--profile shop configure"), table.concat({ gateway, id, "", secret }, "\n") .. "\n")
    assert.equal(0, status, out)
    local pipe = io.popen("stat -c %a " .. directory .. "/itrigger/shop.secret")
    assert.equal("600", pipe:read("*l"))
    pipe:close()
    assert.falsy(read(directory .. "/itrigger/shop.conf"):find(secret, 1, true))
    assert.same({ 0, "张三\n", "" }, { itrigger(words("--profile shop member query --filter data.realName " .. member)) })
    local _, _, err = itrigger(words("--profile none member query " .. member))
    assert.truthy(err:find('profile "none": .-none.conf does not exist; create it with: itrigger %-%-profile none configure'), err)
    write("itrigger/bad.conf", "gatway = x\n")
    _, _, err = itrigger(words("--profile bad member query " .. member))
    assert.truthy(err:find('bad.conf:1: unknown option "gatway": did you mean "gateway"?', 1, true), err)
    write("itrigger/bad.conf", "\239\187\191# from Windows\r\n\r\ntimeout = 0\r\n\r\ngatway = x")
    _, _, err = itrigger(words("--profile bad member query " .. member))
    assert.truthy(err:find('bad.conf:5: unknown option "gatway"', 1, true), err)
    sh("mkdir " .. directory .. "/itrigger/folder.conf")
    _, _, err = itrigger(words("--profile folder member query " .. member))
    assert.equal(('itrigger: profile "folder": %s/itrigger/folder.conf: Is a directory\n'):format(directory), err)
  end)

  it("writes no profile where only the present directory would tell which", function()
    local _, home = sh("printf %s \"$PWD\"")
    for config, where in pairs { [""] = "", relative = "relative" } do
      environment.XDG_CONFIG_HOME = config
      local status, _, err = sh(("cd %s && HOME=%s %s %s/bin/itrigger configure"):format(directory, where, face.interpreter(), home))
      assert.equal(2, status)
      assert.equal("itrigger: there is no directory for profiles: set HOME or XDG_CONFIG_HOME to an absolute path\n", err)
    end
    assert.equal("", (select(2, sh("ls " .. directory .. " | grep -v stderr"))))
  end)

  it("keeps what configure does not ask for, and the old files when it fails", function()
    local file = write("shop.conf", "proxy = http://proxy.example\nnull = nil\napp_secret_file = /nowhere\ntimeout = 7\n")
    os.execute("mkdir " .. directory .. "/itrigger && chmod 600 " .. file .. " && mv " .. file .. " " .. directory .. "/itrigger/")
    local status, _, err = itrigger(words("--profile shop configure"), "\n1\n\n\n")
    assert.equal(0, status, err)
    assert.equal("# Profile of the command itrigger: lines `option = value`.\nnull = nil\napp_id = 1\napp_secret_file = /nowhere\n"
      .. "gateway = https://gateway-dev.itrigger.cn\ntoken_store = file:\ntimeout = 7\nproxy = http://proxy.example\n",
      read(directory .. "/itrigger/shop.conf"))
    write("itrigger/shop.conf", "gatway = x\n")
    status, _, err = itrigger(words("--profile shop configure"), "\n1\n\ns\n")
    assert.equal(2, status)
    assert.truthy(err:find("shop.conf:1: unknown option", 1, true), err)
    assert.equal("gatway = x\n", read(directory .. "/itrigger/shop.conf"))
    environment.XDG_CONFIG_HOME = "/dev/null"
    status, _, err = itrigger(words("--profile shop configure"), "\n1\n\ns\n")
    assert.equal(2, status)
    assert.truthy(err:find("itrigger: configure: /dev/null/itrigger cannot be created\n$"), err)
  end)

  it("uses the profile default where neither a profile nor the environment says more", function()
    os.execute("mkdir " .. directory .. "/itrigger")
    local file = write("itrigger/default.conf", "gateway = http://127.0.0.1:1\ntimeout = 7\napp_secret_file = /nowhere\n")
    os.execute("chmod 600 " .. file)
    local status, out = itrigger({ "doctor" })
    assert.equal(0, status, out)
    assert.truthy(out:find("timeout = 7  (profile default)", 1, true), out)
    environment.ITRIGGER_GATEWAY = nil
    assert.equal(3, (itrigger(words("member query " .. member))))
  end)

  it("refuses a profile that other users can write, and one with a secret that they can read", function()
    os.execute("mkdir " .. directory .. "/itrigger")
    local file = write("itrigger/shop.conf", "timeout = 7\n")
    os.execute("chmod 664 " .. file)
    local status, _, err = itrigger(words("--profile shop member query " .. member))
    assert.equal(2, status)
    assert.truthy(err:find("shop.conf: other users can write this profile (mode 664)", 1, true), err)
    os.execute("chmod 644 " .. file)
    assert.equal(0, (itrigger(words("--profile shop member query " .. member))))
    write("itrigger/shop.conf", "app_secret = s\n")
    status, _, err = itrigger(words("--profile shop member query " .. member))
    assert.equal(2, status)
    assert.truthy(err:find("shop.conf: other users can read the secret in this profile (mode 644)", 1, true), err)
  end)

  it("hides passwords in addresses, and names the step that fails", function()
    environment.ITRIGGER_TOKEN_STORE = "redis://u:s3:c@127.0.0.1:1/0"
    local _, out = itrigger({ "doctor" })
    assert.truthy(out:find("token_store = redis://u:***@127.0.0.1:1/0", 1, true), out)
    assert.falsy(out:find("s3", 1, true))
    for address, shown in pairs {
      ["redis+unix:/nowhere/s?user=u&password=s3@c&db=0"] = "redis+unix:/nowhere/s?user=u&password=***&db=0",
      ["redis+sentinel://u:s3@127.0.0.1:1/m?sentinel_password=s3"] = "redis+sentinel://u:***@127.0.0.1:1/m?sentinel_password=***",
      ["redis://u:s3/c@127.0.0.1:1"] = "redis://u:***@127.0.0.1:1",
    } do
      environment.ITRIGGER_TOKEN_STORE = address
      _, out = itrigger({ "doctor" })
      assert.truthy(out:find("token_store = " .. shown .. "  (", 1, true), out)
      assert.falsy(out:find("s3", 1, true), out)
    end
    environment.ITRIGGER_TOKEN_STORE = "memory:"
    environment.ITRIGGER_CA_FILE, environment.ITRIGGER_GATEWAY = sb.ca_file, sb.expired
    local status
    status, out = itrigger({ "doctor" })
    assert.equal(1, status)
    assert.truthy(out:find("failure  certificate     of localhost ended on 2020-01-01", 1, true), out)
    assert.truthy(out:find("failure  TLS", 1, true), out)
    environment.ITRIGGER_GATEWAY = "https://" .. network.no_such_host
    _, out = itrigger({ "doctor" })
    assert.truthy(out:find("failure  DNS             " .. network.no_such_host .. " has no address", 1, true), out)
    assert.truthy(out:find("failure  network", 1, true), out)
  end)

  local function fails_with(text, line, input)
    local status, _, err = itrigger(words(line), input)
    assert.equal(2, status)
    assert.truthy(err:find(text, 1, true), err)
  end

  it("says where a wrong option comes from, and how a missing one is given", function()
    environment.ITRIGGER_GATEWAY = nil
    fails_with("; set ITRIGGER_GATEWAY, or store it with: itrigger configure\n", "token")
    assert(os.execute("mkdir " .. directory .. "/itrigger && umask 077 && echo 'retries = many' >" .. directory
      .. "/itrigger/shop.conf"))
    fails_with('option retries is "many"; it must be a number (from the profile shop)\n', "--profile shop token")
    environment.ITRIGGER_GATEWAY = sb.gateway
    fails_with("option timeout is 0; it can be 0.001 to 86400 seconds (from --timeout)\n", "--timeout 0 token")
  end)

  it("examines what the library does not miss", function()
    environment.ITRIGGER_GATWAY = "https://elsewhere.example"
    local _, out = itrigger(words("doctor"))
    assert.truthy(out:find("ITRIGGER_GATWAY is not read; did you mean ITRIGGER_GATEWAY?", 1, true), out)
    assert.is_nil(out:find("not tried", 1, true))
    environment.ITRIGGER_GATWAY = nil
    _, out = itrigger(words("doctor"))
    assert.truthy(out:find("; the app secret was not needed, so not tried\n", 1, true), out)
    assert.is_nil(out:find("is not read", 1, true))
    environment.ITRIGGER_GATEWAY = sb.https
    _, out = itrigger(words("doctor"))
    assert.truthy(out:find("; a gateway with a private CA needs the option ca_file\n", 1, true), out)
  end)

  it("writes no profile that could not be used", function()
    environment = { XDG_CONFIG_HOME = directory, LC_ALL = "C" }
    fails_with("configure: option gateway: not an absolute URL", "configure", "gateway-dev\n1\n\ns\n")
    fails_with('configure: option token_store: unknown store "redis"', "configure", "\n1\nredis\ns\n")
    fails_with("configure: a key is needed; nothing was written", "configure", "\n1\nhttp://127.0.0.1:1\n\n")
    assert.is_nil(io.open(directory .. "/itrigger"))
    assert.equal(0, (itrigger(words("configure"), "\n1\nhttp://127.0.0.1:1\nthe-client-key\n")))
    local text = read(directory .. "/itrigger/default.conf")
    assert.truthy(text:find("\ntoken_store_key = the-client-key\n", 1, true), text)
    assert.is_nil(text:find("app_secret", 1, true))
  end)

  it("says when a refresh brought no new token", function()
    local status, out, err = itrigger(words("refresh"))
    assert.same({ 0, "" }, { status, err })
    local _, same
    _, same, err = itrigger(words("refresh"))
    assert.equal(out:match "%S+", same:match "%S+")
    assert.truthy(err:find "^itrigger: no new token was fetched: this one is %d+ s old, .*min_refresh_interval", err)
  end)

  it("sends nothing for a filter that is no path", function()
    for _, filter in ipairs { "data[0", "data..x", "data.", "[x]", "" } do
      local status, _, err = itrigger { "test", "get", "--filter", filter }
      assert.same({ 2, true }, { status, err:find("--filter " .. filter .. ": expected names", 1, true) ~= nil })
    end
    assert.equal(0, sb:state().requests)
  end)

  it("describes an endpoint by one word or two, and the sandbox's own words", function()
    local _, out = itrigger(words("describe member.query"))
    assert.same({ 0, out, "" }, { itrigger(words("describe member query")) })
    assert.truthy(select(2, itrigger(words("help sandbox"))):find("--background", 1, true))
  end)

  it("says that its output could not be written", function()
    for _, line in ipairs { "endpoints", "member query " .. member, "pages member.point_list " .. member } do
      local status, _, err = sh("$itrigger " .. line .. " >/dev/full")
      assert.equal(2, status)
      assert.truthy(err:find("^itrigger: standard output cannot be written: No space left"), err)
    end
  end)

  it("takes no file or connection of its own for a standard file that is closed", function()
    sb:answer { path = path, body = ('{"code":200,"message":"","data":[{"a":"%s"}],"total":1}'):format(("x"):rep(100000)) }
    local function closed(line, what)
      local status, _, err = sh("$itrigger " .. line)
      assert.equal(2, status)
      assert.equal(what .. "\n", err:match "(itrigger: .*)")
    end
    closed("pages " .. path .. " >&-", "itrigger: standard output cannot be written: Bad file descriptor")
    closed("post " .. face.echo_post .. " - <&-", "itrigger: standard input cannot be read: Bad file descriptor")
    closed("post " .. face.echo_post .. " - </", "itrigger: standard input cannot be read: Is a directory")
    for from, why in pairs { ["&-"] = "Bad file descriptor", ["/"] = "Is a directory" } do
      closed("batch - --to order.trades <" .. from, ("itrigger: standard input cannot be read: %s; the batch stopped"):format(why))
    end
    assert.equal(0, (sh("$itrigger -v get " .. face.echo_get .. " 2>&- <&-")))
    for _, request in ipairs(sb:requests()) do
      assert.equal(200, request.status)
    end
  end)

  it("shows nothing of an answer to a terminal that could steer it", function()
    sb:answer { path = path, body = '{"code":200,"data":{"realName":"\\u001b]0;x\\u0007\\u009b\127\194\155"}}' }
    for _, option in ipairs { "--filter data.realName", "--raw", "--output table", "--output text", "" } do
      local _, out = sh(("TERM=dumb script -qec %s /dev/null </dev/null"):format(
        quote(("%s bin/itrigger member query %s %s"):format(face.interpreter(), option, member))))
      assert.truthy(out:find("realName", 1, true) or out:find("]0;x", 1, true), out)
      assert.falsy(out:find("[\27\7\127]") or out:find("\194\155", 1, true), option)
    end
    sb:answer { path = path, body = '{"code":200,"data":[{"realName":"\\u001b]0;x\\u0007\\u009b\127\194\155"}],"total":1}' }
    local _, out = sh(("TERM=dumb script -qec %s /dev/null </dev/null"):format(
      quote(("%s bin/itrigger pages %s %s"):format(face.interpreter(), path, member))))
    assert.truthy(out:find('{"realName":"', 1, true), out)
    assert.falsy(out:find("[\27\7\127]") or out:find("\194\155", 1, true), out)
  end)

  it("reads counts and channels as the functions do, in pages too; a directory is no file", function()
    local status, out = itrigger(words("pages member.point_list pageSize=2 pageNum=2 " .. member))
    assert.equal(0, status)
    assert.equal(473294, cjson.decode(out:match("^[^\n]+")).id)
    for _, line in ipairs { "get " .. path .. " a=@/", "post " .. path .. " @/" } do
      local err
      status, out, err = itrigger(words(line))
      assert.same({ 2, "" }, { status, out })
      assert.truthy(err:find("/: Is a directory\n$"), err)
    end
    fails_with("itrigger: a: a file name is missing after @\n", "get " .. path .. " a=@")
    for _, wrong in ipairs { { "get", path, 'a:={"b":1}' }, { "get", "http://x/y" }, { "get", "/x?a=1" }, { "post", "/x", "a=\255" } } do
      wrong[#wrong + 1] = "--dry-run"
      local err
      status, out, err = itrigger(wrong)
      assert.same({ 2, "" }, { status, out }, err)
    end
  end)

  it("is whole in its rock", function()
    local rockspec = read("rockspec/itrigger-cli-scm-1.rockspec")
    local pipe = io.popen("find lua/itrigger/cli -name '*.lua'")
    local files = 0
    for file in pipe:lines() do
      assert.truthy(rockspec:find('"' .. file .. '"', 1, true), file)
      files = files + 1
    end
    pipe:close()
    assert.truthy(files > 5)
  end)

  it("starts a sandbox, which ends with it, however it ends", function()
    for _, signal in ipairs { "TERM", "KILL" } do
      local _, out = sh(([[
        mkfifo %s/out-%s; $itrigger sandbox >%s/out-%s & command=$!
        while read -r line; do
          case $line in SANDBOX_PID=*) pid=${line#*=} ;; SANDBOX_DIR=*) dir=${line#*=}; break ;; esac
        done <%s/out-%s
        kill -0 $pid && echo runs
        kill -%s $command; timeout 60 tail --pid=$pid -s 0.02 -f /dev/null && echo ended]]):format(directory, signal, directory, signal,
        directory, signal, signal))
      assert.equal("runs\nended\n", out)
    end
    local _, out = itrigger({ "sandbox", "--background" })
    local dir, pid = out:match("SANDBOX_DIR=([^\n]+)"), out:match("SANDBOX_PID=(%d+)")
    assert.same({ 0, "", "" }, { itrigger({ "-v", "sandbox", "--stop", dir }) })
    assert.equal(0, (sh("timeout 60 tail --pid=" .. pid .. " -s 0.02 -f /dev/null")))
  end)

  describe("completion", function()
    -- What a shell lists for a line: the candidates without their descriptions.
    local function candidates(...)
      local _, out = itrigger({ "__complete", "--", ... })
      local list = {}
      for text in out:gmatch("([^\t\n]+)[^\n]*\n") do
        list[#list + 1] = text
      end
      return list
    end

    it("knows commands, endpoints, their parameters and values, options, profiles and paths", function()
      assert.same({ "member" }, candidates("me"))
      assert.same({ "point", "point_list", "point_modify" }, candidates("member", "point"))
      assert.same({ "member.query" }, candidates("--timeout", "3", "member.q"))
      assert.same({ "mobile=", "storeNo=" }, candidates("member", "query", ""))
      assert.same({ "storeNo=" }, candidates("--timeout", "3", "member.query", "mobile=1", ""))
      assert.same({ "channel=wechat" }, candidates("member", "register", "channel=w"))
      assert.same({ "operation=add", "operation=sub" }, candidates("member", "point_modify", "operation="))
      assert.same({ "FILES" }, candidates("member", "register", "address=@x"))
      assert.same({ "FILES" }, candidates("post", "/x", "@"))
      assert.same({ "FILES" }, candidates("batch", ""))
      assert.same({ "FILES" }, candidates("batch", "x", "--failed", ""))
      assert.same({ "order.trades" }, candidates("batch", "x", "--to", "order.t"))
      assert.same({ "member.point_list", "coupons.list" }, candidates("pages", ""))
      assert.same({ "pageNum=", "pageSize=" }, candidates("pages", "member.point_list", "page"))
      assert.same({ "--output", "--dry-run", "--curl", "--no-check", "--version", "--timeout", "-v", "--verbose", "--profile", "-h",
        "--help" },
        candidates("pages", "-"))
      assert.same({ "table", "text" }, candidates("pages", "member.point_list", "--output", "t"))
      assert.same({ face.api .. "/member/modify" }, candidates("post", face.api .. "/member/mo"))
      assert.same({ "mobile=", "storeNo=" }, candidates("get", path, ""))
      assert.same({ "json", "table", "text" }, candidates("member", "query", "--output", ""))
      assert.same({ "--profile" }, candidates("doctor", "--p"))
      assert.same({ "bash", "zsh", "fish" }, candidates("completion", ""))
      assert.same({ "query" }, candidates("help", "member", "q"))
      assert.same({ "member.query" }, candidates("describe", "member.q"))
      assert.same({ "--port", "--address", "--dir", "--background", "--stop", "--help" }, candidates("sandbox", "-"))
      assert.same({ "FILES" }, candidates("sandbox", "--stop", "/t"))
      assert.same({}, candidates("nonsense", ""))
      os.execute("mkdir " .. directory .. "/itrigger && touch " .. directory .. "/itrigger/shop.conf " .. directory .. "/itrigger/s.secret")
      assert.same({ "shop" }, candidates("--profile", ""))
    end)

    it("describes candidates in the user's language", function()
      environment.LC_ALL = "zh_CN.UTF-8"
      local _, out = itrigger({ "__complete", "--", "member", "query", "m" })
      assert.equal("mobile=\t手机号\n", out)
    end)

    -- The PATH on which `itrigger` is the command of these specs, for a line of the shell.
    local function on_path()
      os.execute("mkdir " .. directory .. "/bin")
      local command = write("bin/itrigger", "#!/bin/sh\nexec $itrigger \"$@\"\n")
      os.execute("chmod 755 " .. command)
      return "PATH=" .. directory .. "/bin:$PATH"
    end

    -- What is typed into an interactive shell, with tabs, and what the commands then printed.
    local function typed(shell, lines)
      local input = write("input", table.concat(lines, "\n") .. "\nexit\n")
      local _, out = sh(("%s TERM=dumb script -qec %s /dev/null <%s"):format(on_path(), quote(shell), input))
      return out:gsub("\r", "")
    end

    local LINES = {
      "itrigger mem\tque\tmob\t18899888899 sto\t1159374785466208256 --dry\t",
      "itrigger member register mobile=18899888899 channel=wech\tstor\t7 --dry\t",
      "itrigger post /x a=@/etc/passw\t --dry\t | cut -c1-12",
    }

    local function completed(out)
      assert.truthy(out:find(path .. "?accessToken=***&mobile=18899888899&storeNo=1159374785466208256\n", 1, true), out)
      local body = out:match('\n({[^\n]*"storeNo"[^\n]*})\n')
      assert.same({ channel = 2, mobile = "18899888899", storeNo = "7" }, body and cjson.decode(body), out)
      assert.truthy(out:find('\n{"a":"root:x', 1, true), out)
    end

    it("works in bash", function()
      completed(typed("bash --norc --noprofile -i", { 'eval "$(itrigger completion bash)"', unpack(LINES) }))
    end)

    it("works in zsh", function()
      local lacks = needs.program("zsh", "zsh")
      if lacks then
        pending(lacks)
      end
      completed(typed("zsh -f -i", { "autoload -U compinit; compinit -D", 'eval "$(itrigger completion zsh)"', unpack(LINES) }))
    end)

    it("works in fish", function()
      local lacks = needs.program("fish", "fish")
      if lacks then
        pending(lacks)
      end
      local script = { "itrigger completion fish | source" }
      for i, line in ipairs { "itrigger member query mo", "itrigger batch x --to order.tr", "itrigger post /x a=@/etc/passw" } do
        script[i + 1] = "complete -C " .. quote(line)
      end
      local _, out = sh(on_path() .. " fish --no-config " .. write("script.fish", table.concat(script, "\n")))
      assert.truthy(out:find("^mobile=\tMobile number\norder.trades\t[^\n]*\na=@/etc/passwd\n"), out)
    end)
  end)

  describe("batch", function()
    local function trade(code)
      return ('{"platformCode":"TB","platformTradeCode":"%s","shopName":"s","originalContent":"{}"}\n'):format(code)
    end

    local function saved()
      local n = 0
      for _, request in ipairs(sb:requests()) do
        n = n + (request.path:find("/order/platform/trades", 1, true) and 1 or 0)
      end
      return n
    end

    it("makes a call for each line, and leaves nothing behind when all succeeded", function()
      local file = write("orders.jsonl", trade(1) .. "\n" .. trade(2) .. trade(3))
      local status, out, err = itrigger({ "batch", file, "--to", "order.trades" })
      assert.equal(0, status, err)
      assert.equal("", out)
      assert.truthy(err:find("3 done: 3 ok, 0 failed, 0 unknown, 1 skipped", 1, true), err)
      assert.equal(3, saved())
      assert.is_nil(io.open(file .. ".journal"))
    end)

    it("reports lines that failed, and resumes without sending again what was sent", function()
      local file = write("orders.jsonl", trade(1) .. "{bad\n" .. '{"platformcode":"TB"}\n' .. trade(4))
      local failed = directory .. "/failed.jsonl"
      local status, _, err = itrigger({ "batch", file, "--to", "order.trades", "--failed", failed })
      assert.equal(1, status)
      assert.truthy(err:find("4 done: 2 ok, 2 failed", 1, true), err)
      local first = cjson.decode(read(failed):match("^[^\n]+"))
      assert.same({ 2, "failed", "{bad" }, { first.line, first.outcome, first.request })
      assert.equal(2, saved())
      status, _, err = itrigger({ "batch", file, "--to", "order.trades" })
      assert.equal(2, status)
      assert.truthy(err:find("continue it with --resume", 1, true), err)
      write("orders.jsonl", trade(1) .. trade(2) .. trade(3) .. trade(4))
      status, _, err = itrigger({ "batch", file, "--to", "order.trades", "--resume" })
      assert.equal(0, status, err)
      assert.truthy(err:find("2 done: 2 ok, 0 failed, 0 unknown, 2 skipped", 1, true), err)
      assert.equal(4, saved())
    end)

    it("never sends again a line that was in flight when the earlier run was killed", function()
      local file = write("orders.jsonl", trade(1) .. trade(2))
      sb:fault { path = face.api .. "/order/platform/trades", kind = "hold_answer" }
      local command = directory .. "/run"
      local script = write("run", ("exec %s bin/itrigger batch %s --to order.trades --concurrency 1 2>/dev/null\n"):format(
        face.interpreter(), file))
      assert.equal(command, script)
      local line = {}
      for name, value in pairs(environment) do
        line[#line + 1] = quote(name .. "=" .. value)
      end
      local pipe = io.popen("env " .. table.concat(line, " ") .. " sh " .. script .. " & echo $!")
      local pid = pipe:read("*l")
      assert(sb:wait({ held = 1 }).reached)
      os.execute("kill -9 " .. pid)
      pipe:close()
      sb:release()
      local status, _, err = itrigger({ "batch", file, "--to", "order.trades", "--resume" })
      assert.equal(1, status)
      assert.truthy(err:find("2 done: 1 ok, 0 failed, 1 unknown, 0 skipped", 1, true), err)
      assert.truthy(err:find('"line":1', 1, true) and err:find("an earlier run ended while this line was in flight", 1, true), err)
    end)

    it("notes what was in flight when it is interrupted", function()
      if face.interpreter():find("lua%-host") then
        pending("needs an interpreter with a handler of SIGINT")
        return
      end
      local file = write("orders.jsonl", trade(1) .. trade(2))
      sb:fault { path = face.api .. "/order/platform/trades", kind = "hold_answer" }
      local pipe = io.popen(script_line(("$itrigger batch %s --to order.trades --concurrency 1 2>%s/stderr & echo $!; wait $!; echo $?")
        :format(file, directory)))
      local pid = pipe:read("*l")
      assert(sb:wait({ held = 1 }).reached)
      os.execute("kill -INT " .. pid)
      assert.equal("130", pipe:read("*l"))
      pipe:close()
      sb:release()
      local journal = read(file .. ".journal")
      assert.truthy(journal:find("\nstarted 1 %x+\nunknown 1\n$"), journal)
      local err = read(directory .. "/stderr")
      assert.truthy(err:find("itrigger: interrupted\n$") and err:find('"line":1', 1, true), err)
    end)

    it("stops when the journal cannot be written, and never reads half an entry as a whole one", function()
      local lines = {}
      for i = 1, 40 do
        lines[i] = trade(i)
      end
      local file = write("orders.jsonl", table.concat(lines))
      local status, _, err = sh(("trap '' XFSZ; ulimit -f 1; $itrigger batch %s --to order.trades --failed /dev/null"):format(file))
      assert.equal(2, status)
      assert.truthy(err:find("orders.jsonl.journal cannot be written: File too large; the batch stopped", 1, true), err)
      local before = saved()
      assert.truthy(before < 40)
      local journal = read(file .. ".journal")
      local _, started = journal:gsub("started %d+ %x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x\n", "")
      assert.truthy(before <= started)
      write("orders.jsonl.journal", journal .. "ok 4") -- of "ok 40"
      _, _, err = itrigger({ "batch", file, "--to", "order.trades", "--resume" })
      assert.equal(before + 40 - started, saved(), err)
      assert.truthy(read(file .. ".journal"):find("ok 4~\n", 1, true))
    end)

    it("stops at the first entry that cannot be written, however many were", function()
      local lines = {}
      for i = 1, 1000 do
        lines[i] = ('{"n":%d}\n'):format(i)
      end
      local file = write("numbers.jsonl", table.concat(lines))
      local run = ("trap '' XFSZ; ulimit -f 16; $itrigger batch %s --to 'POST %s' --failed /dev/null"):format(file, face.echo_post)
      local status, _, err = sh(run)
      assert.equal(2, status)
      assert.truthy(err:find("numbers.jsonl.journal cannot be written: File too large; the batch stopped", 1, true), err)
      local _, started = read(file .. ".journal"):gsub("started %d+ %x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x\n", "")
      assert.truthy(started > 100 and started < 500)
      assert.truthy(sb:state().calls[face.echo_post] <= started)
    end)

    it("notes what may have been executed as that, also where --failed cannot be written", function()
      local file = write("orders.jsonl", trade(1) .. trade(2))
      sb:fault { path = face.api .. "/order/platform/trades", kind = "close_after" }
      local run = ("batch %s --to order.trades --concurrency 1 --failed /dev/full"):format(file)
      local status, _, err = itrigger(words(run))
      assert.equal(2, status)
      assert.truthy(err:find("1 done: 0 ok, 0 failed, 1 unknown, 0 skipped", 1, true), err)
      assert.truthy(err:find("--failed /dev/full cannot be written: No space left on device; the batch stopped", 1, true), err)
      assert.truthy(read(file .. ".journal"):find("\nstarted 1 %x+\nunknown 1\n"), read(file .. ".journal"))
      assert.equal(1, (itrigger(words("batch " .. file .. " --to order.trades --resume"))))
      assert.equal(2, saved())
    end)

    it("reports an unknown line at every --resume, and lists in --failed what did not succeed yet", function()
      local file, failed = write("orders.jsonl", trade(1) .. "{bad\n" .. trade(3)), directory .. "/failed"
      itrigger({ "batch", file, "--to", "order.trades", "--failed", failed })
      write("orders.jsonl.journal", read(file .. ".journal"):gsub("ok 3", "unknown 3"))
      write("orders.jsonl", trade(1) .. trade(2) .. trade(3))
      for _ = 1, 2 do
        local status = itrigger({ "batch", file, "--to", "order.trades", "--failed", failed, "--resume" })
        assert.equal(1, status)
        local report = read(failed)
        assert.equal(1, select(2, report:gsub("\n", "")))
        assert.same({ 3, "unknown" }, { cjson.decode(report).line, cjson.decode(report).outcome })
      end
      assert.equal(3, saved())
    end)

    it("sends nothing for a method that the gateway does not have", function()
      local file = write("orders.jsonl", trade(1))
      for _, to in ipairs { "PUT /x", "DELETE " .. path, "order" } do
        assert.equal(2, (itrigger({ "batch", file, "--to", to })), to)
        assert.equal(2, (itrigger({ "pages", to })), to)
      end
      local _, _, err = itrigger { "batch", file, "--to", "POST orders" }
      assert.equal('itrigger: "POST orders": the path must begin with "/"\n', err)
      assert.equal(0, sb:state().requests)
    end)

    it("resumes a file whose name has a line end, and says what a journal without a first line means", function()
      local file = write("a\nb.jsonl", trade(1) .. "{bad\n")
      assert.equal(1, (itrigger({ "batch", file, "--to", "order.trades" })))
      write("a\nb.jsonl", trade(1) .. trade(2))
      assert.equal(0, (itrigger({ "batch", file, "--to", "order.trades", "--resume" })))
      assert.equal(2, saved())
      write("a\nb.jsonl.journal", "itrigger bat")
      local status, _, err = itrigger({ "batch", file, "--to", "order.trades", "--resume" })
      assert.equal(2, status)
      assert.truthy(err:find("nothing was begun: remove it", 1, true), err)
    end)

    it("leaves no journal when nothing was started, and does not overwrite its own files", function()
      local file = write("orders.jsonl", trade(1))
      for _, line in ipairs { "--concurrency 0", "--rate 0", "--failed " .. file, "--failed " .. directory .. "/x/y",
        "--failed " .. file .. ".journal", "--journal /dev/full" } do
        assert.equal(2, (itrigger(words("batch " .. file .. " --to order.trades " .. line))))
        assert.equal(trade(1), read(file))
        assert.is_nil(io.open(file .. ".journal"))
      end
    end)

    it("never calls a file of another kind a journal, and checks its numbers first", function()
      local input = write("orders.jsonl", '{"tid":1}\n')
      for _, name in ipairs { input, write("notes", "no line end") } do
        fails_with(name .. " is not the journal of a batch; name another file with --journal\n",
          ("batch %s --to order.trades --journal %s"):format(input, name))
      end
      fails_with("itrigger: --concurrency must be an integer from 1 to 1024\n",
        ("batch %s --to order.trades --concurrency 0"):format(input))
      fails_with("itrigger: --rate must be a number of calls a second", ("batch %s --to order.trades --rate 0"):format(input))
      assert.is_nil(io.open(input .. ".journal"))
    end)

    it("continues no run at another gateway, as another app or with another endpoint", function()
      local file = write("orders.jsonl", trade(1) .. "{bad\n")
      itrigger({ "batch", file, "--to", "order.trades" })
      local function refused(to)
        for _, how in ipairs { "--resume", "--no-check" } do
          local status, _, err = itrigger({ "batch", file, "--to", to or "order.trades", how })
          assert.equal(2, status)
          assert.truthy(err:find("belongs to another run (it says itrigger batch " .. file .. ": order.trades at ", 1, true), err)
        end
      end
      refused("order.refunds")
      environment.ITRIGGER_APP_ID = "other"
      refused()
      assert.equal(1, saved())
    end)

    it("lets one run at a time have a journal", function()
      local file = write("orders.jsonl", trade(1))
      sb:fault { path = face.api .. "/order/platform/trades", kind = "hold_answer" }
      local pipe = io.popen(script_line("$itrigger batch " .. file .. " --to order.trades 2>/dev/null; echo $?"))
      assert(sb:wait({ held = 1 }).reached)
      local status, _, err = itrigger({ "batch", file, "--to", "order.trades", "--resume" })
      assert.equal(2, status)
      assert.truthy(err:find("orders.jsonl.journal is in use by another run", 1, true), err)
      sb:release()
      assert.equal("0", pipe:read("*l"))
      pipe:close()
      assert.equal(1, saved())
    end)

    -- Calls after[n] when `open` has made its nth attempt to open a file; what it returns is taken for that file.
    local function while_opening(after, open)
      local original, n = io.open, 0
      local function between(...)
        local file, err, number = original(...)
        n = n + 1
        if after[n] then
          io.open = original -- luacheck: ignore 122
          file = after[n]() or file
          io.open = between -- luacheck: ignore 122
        end
        return file, err, number
      end
      io.open = between -- luacheck: ignore 122
      local ok, made, err = pcall(open)
      io.open = original -- luacheck: ignore 122
      assert(ok, made)
      return made, err
    end

    it("has its journal where it says, also where another run removes its own meanwhile", function()
      local journals = require "itrigger.cli.journal"
      local name, head, other = directory .. "/j", "itrigger batch x: y"
      local function begin_other()
        other = assert(journals.open(name, head))
      end
      local function end_other()
        other:close(true)
      end
      local made = assert(while_opening({ begin_other, end_other }, function()
        return journals.open(name, head)
      end))
      made:note("started", 1, "0123456789abcdef")
      assert.equal(head .. "\nstarted 1 0123456789abcdef\n", read(name))
      assert.is_true(made:close(false))
    end)

    it("gives up on a journal that is replaced again and again", function()
      local journals = require "itrigger.cli.journal"
      local name, after = directory .. "/j", {}
      for i = 2, 1000 do
        after[i] = function()
          os.remove(name)
        end
      end
      local made, err = while_opening(after, function()
        return journals.open(name, "itrigger batch x: y")
      end)
      assert.is_nil(made)
      assert.truthy(err:find("j is replaced again and again; name another file with --journal", 1, true), err)
    end)

    it("says of a journal that cannot be read why", function()
      local journals = require "itrigger.cli.journal"
      local name = directory .. "/j"
      local function write_only()
        return io.open(name, "ab")
      end
      local made, err = while_opening({ nil, nil, write_only }, function()
        return journals.open(name, "itrigger batch x: y")
      end)
      assert.is_nil(made)
      assert.truthy(err:find("the journal cannot be read: Bad file descriptor", 1, true), err)
    end)

    it("continues no journal that its run has removed meanwhile", function()
      local journals = require "itrigger.cli.journal"
      local name, head = directory .. "/j", "itrigger batch x: y"
      local other = assert(journals.open(name, head))
      local made, err = while_opening({ nil, function()
        other:close(true)
      end }, function()
        return journals.open(name, head, true)
      end)
      assert.is_nil(made)
      assert.truthy(err:find("nothing was begun: remove it, and leave --resume out", 1, true), err)
    end)

    it("keeps null in the lines that it reports, and takes a byte order mark and any line ends", function()
      local file = write("orders.jsonl", "\239\187\191" .. trade(1):gsub("\n", "\r\n") .. '{"platformcode":null}')
      local failed = directory .. "/failed.jsonl"
      assert.equal(1, (itrigger({ "batch", file, "--to", "order.trades", "--failed", failed })))
      assert.equal(1, saved())
      assert.truthy(read(failed):find('"request":{"platformcode":null}', 1, true), read(failed))
    end)

    it("notices that lines were added or removed before what was sent", function()
      local file = write("orders.jsonl", trade(1) .. "{bad\n" .. trade(3))
      itrigger({ "batch", file, "--to", "order.trades" })
      write("orders.jsonl", trade(0) .. trade(1) .. trade(3))
      local status, _, err = itrigger({ "batch", file, "--to", "order.trades", "--resume" })
      assert.equal(2, status)
      assert.truthy(err:find("line 1 of .- is not the line that was sent as number 1"), err)
      assert.equal(2, saved())
    end)
  end)
end)
