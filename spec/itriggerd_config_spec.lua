-- itriggerd --check: each bad configuration file is refused with its line and the reason.
local itriggerd = require "spec.support.itriggerd"
local sandbox = require "spec.support.sandbox"

if itriggerd.missing() then
  pending(itriggerd.missing())
  return
end

local SHA = ("0123456789abcdef"):rep(4)

-- In each, SERVER, APP and CLIENT stand for good sections (1, 4 and 3 lines), DIR for a directory.
local SERVER = "[server]\n"
local APP = "[app one]\napp_id = one\napp_secret_file = DIR/secret\ngateway = https://gateway.example\n"
local CLIENT = "[client a]\nkey_sha256 = " .. SHA .. "\napps = one\n"

-- What it is · text · line (nil: the file as a whole) · words of the reason.
local BAD = {
  { "nothing", "", nil, "no [app NAME]" },
  { "a line without =", SERVER .. "listen\n" .. APP .. CLIENT, 2, "neither" },
  { "a colon for =", SERVER .. "threads: 2\n" .. APP .. CLIENT, 2, "neither" },
  { "no name", SERVER .. "= 2\n", 2, "no name" },
  { "a line of more than 199 bytes", SERVER .. "listen = " .. ("x"):rep(200) .. "\n", 2, "longer than 199 bytes" },
  { "a name of more than 49 bytes", SERVER .. ("x"):rep(50) .. " = 1\n", 2, "longer than 49 bytes" },
  { "a section of more than 49 bytes", "[app " .. ("x"):rep(46) .. "]\n", 1, "longer than 49 bytes" },
  { "a comment inside a line", SERVER .. "threads = 2 ; two\n", 2, "comment" },
  { "a secret with \" ;\"", SERVER .. "[app one]\napp_secret = a ;b\n", 3, "comment" },
  { "a line that begins with a space", SERVER .. "threads = 2\n  3\n", 3, "begin with a space" },
  { "an open section", "[server\n", 1, "]" },
  { "text behind a section", "[server] x\n", 1, "behind" },
  { "no UTF-8", SERVER .. "threads = \255\n", 2, "UTF-8" },
  { "a NUL", SERVER .. "threads = 1\0\n", 2, "NUL" },
  { "an unknown section", "[sever]\nlisten = 1\n", 2, "is not [server]" },
  { "a name before any section", "listen = 127.0.0.1:1\n", 1, "is not [server]" },
  { "an app without a name", "[app]\napp_id = 1\n", 2, "is not [server]" },
  { "an unknown option of the server", SERVER .. "lisen = 127.0.0.1:1\n", 2, 'did you mean "listen"?' },
  { "an unknown option of an app", "[app one]\napp_if = 1\n", 2, 'did you mean "app_id"?' },
  { "an unknown option of a client", "[client a]\nkey = 1\n", 2, 'there is no "key"' },
  { "an option twice", SERVER .. "threads = 1\nthreads = 2\n", 3, "given twice" },
  { "an app twice", APP .. CLIENT .. "[app one]\napp_id = two\n", 9, "a second [app one]" },
  { "no address", SERVER .. "listen = nowhere\n" .. APP .. CLIENT, 2, "HOST:PORT" },
  { "a host name", SERVER .. "listen = example.org:80\n" .. APP .. CLIENT, 2, "IP address" },
  { "a port that is none", SERVER .. "listen = 127.0.0.1:65536\n" .. APP .. CLIENT, 2, "HOST:PORT" },
  { "a relative socket", SERVER .. "listen = unix:run\n" .. APP .. CLIENT, 2, "absolute" },
  { "TCP beyond loopback without TLS", SERVER .. "listen = 0.0.0.0:8700\n" .. APP .. CLIENT, 2, "tls = off" },
  { "TCP without keys", SERVER .. "listen = 127.0.0.1:8700\n" .. APP, 2, "TCP wants keys" },
  { "no threads", SERVER .. "threads = 0\n", 2, "1 to 64" },
  { "a log that is none", SERVER .. "log = xml\n", 2, "text or json" },
  { "a status that is none", SERVER .. "status = closed\n", 2, "key or open" },
  { "tls that is not off", SERVER .. "tls = on\n", 2, "only be off" },
  { "a certificate without its key", SERVER .. "tls_cert = /x\n" .. APP .. CLIENT, 2, "tls_key is missing" },
  { "a certificate, and tls = off", SERVER .. "tls_cert = /x\ntls_key = /x\ntls = off\n" .. APP .. CLIENT, 4, "tls = off" },
  { "a central server as its store", SERVER .. "token_store = http://127.0.0.1:1\n" .. APP .. CLIENT, nil, "central server" },
  { "a central server on a socket as its store", SERVER .. "token_store = unix:/x\n" .. APP .. CLIENT, nil,
    "central server" },
  { "an app without its id", "[app one]\napp_secret_file = DIR/secret\ngateway = https://g.example\n" .. CLIENT, 2, "app_id" },
  { "an app without its secret", "[app one]\napp_id = one\ngateway = https://g.example\n" .. CLIENT, 2, "no secret" },
  { "an app without its gateway", "[app one]\napp_id = one\napp_secret_file = DIR/secret\n" .. CLIENT, 2, "gateway" },
  { "http beyond loopback", (APP:gsub("https:", "http:")) .. CLIENT, 2, "https" },
  { "a secret that others can read", (APP:gsub("secret\n", "open\n")) .. CLIENT, 2, "readable" },
  { "a secret that is not there", (APP:gsub("secret\n", "gone\n")) .. CLIENT, 2, "No such file" },
  { "two secrets", APP .. "app_secret = x\n" .. CLIENT, 2, "both app_secret and app_secret_file" },
  { "a margin that is no number", APP .. "refresh_margin = soon\n" .. CLIENT, 5, "must be a number" },
  { "a limit below 0", APP .. "daily_limit = -1\n" .. CLIENT, 5, "daily_limit" },
  { "refresh that is none", APP .. "refresh = never\n" .. CLIENT, 5, "always or used" },
  { "a relative token_file", APP .. "token_file = token\n" .. CLIENT, 2, "absolute" },
  { "one app id twice", APP .. (APP:gsub("app one", "app two")) .. CLIENT, 6, "same app_id" },
  { "one app id on two gateways", APP .. (APP:gsub("app one", "app two"):gsub("gateway%.", "other.")) .. CLIENT, 6,
    "two gateways" },
  { "a client without a key", APP .. "[client a]\napps = one\n", 6, "no key" },
  { "a client without apps", APP .. "[client a]\nkey_sha256 = " .. SHA .. "\n", 6, "no apps" },
  { "a client of an app that is not there", APP .. CLIENT:gsub("= one", "= one, two"), 7, 'no [app two]' },
  { "a digest that is none", APP .. "[client a]\nkey_sha256 = 12\n", 6, "64 hex digits" },
  { "a key that others can read", APP .. "[client a]\nkey_file = DIR/open\n", 6, "readable" },
  { "a key that is short", APP .. "[client a]\nkey_file = DIR/short\n", 6, "less than 16" },
  { "two clients with one key", APP .. CLIENT .. (CLIENT:gsub("client a", "client b")), 9, "the same key" },
}

describe("itriggerd --check", function()
  local place

  setup(function()
    place = itriggerd.place(sandbox.shared())
    place:write("short", "short\n")
    place:write("open", "an-open-secret-0123456789\n")
    os.execute("chmod 644 " .. place.dir .. "/open")
  end)

  teardown(function()
    place:remove()
  end)

  local function check(text)
    local path = place:write("check.ini", (text:gsub("DIR", place.dir)))
    return place:run("--check --config " .. path)
  end

  it("says that a good file is good, and starts nothing", function()
    local said, code = check(SERVER .. "\n; a comment\n# another\nlisten = 127.0.0.1:1\n" .. APP .. CLIENT)
    assert.equal(0, code, said)
    assert.truthy(said:find(": ok", 1, true))
  end)

  it("takes a byte order mark and line ends of Windows", function()
    local said, code = check("\239\187\191" .. (SERVER .. APP .. CLIENT):gsub("\n", "\r\n"))
    assert.equal(0, code, said)
  end)

  for _, bad in ipairs(BAD) do
    local what, text, line, words = bad[1], bad[2], bad[3], bad[4]
    it("refuses " .. what, function()
      local said, code = check(text)
      assert.equal(2, code, said)
      assert.truthy(said:find("itriggerd: " .. place.dir .. "/check.ini:" .. (line and line .. ": " or " "), 1, true), said)
      assert.truthy(said:find(words, 1, true), said)
    end)
  end

  it("refuses a secret in a file that others can read", function()
    local path = place:write("check.ini", "[app one]\napp_id = one\napp_secret = x\ngateway = https://g.example\n" .. CLIENT)
    assert.equal(0, (select(2, place:run("--check --config " .. path))))
    os.execute("chmod 644 " .. path)
    local said, code = place:run("--check --config " .. path)
    assert.equal(2, code)
    assert.truthy(said:find("chmod 600", 1, true), said)
  end)

  it("refuses certificate and key that are none", function()
    local junk = place:write("junk", "junk\n")
    local said, code = check(SERVER .. ("tls_cert = %s\ntls_key = %s\n"):format(junk, junk) .. APP .. CLIENT)
    assert.equal(2, code)
    assert.truthy(said:find("PEM", 1, true), said)
  end)

  it("says that a file is not there, and what the command line is", function()
    local said, code = place:run("--config /nowhere/itriggerd.ini")
    assert.equal(2, code)
    assert.truthy(said:find("No such file", 1, true))
    assert.equal(2, (select(2, place:run("--frobnicate"))))
    assert.equal(2, (select(2, place:run("something"))))
    said, code = place:run("--help")
    assert.equal(0, code)
    assert.truthy(said:find("--check", 1, true))
    assert.equal(0, (select(2, place:run("--version"))))
  end)

  it("takes a secret from $CREDENTIALS_DIRECTORY under the app's name", function()
    place:write("one", "secret-of-one\n")
    local path = place:write("check.ini", "[app one]\napp_id = one\ngateway = https://g.example\n" .. CLIENT)
    assert.equal(0, (select(2, place:run("--check --config " .. path, "CREDENTIALS_DIRECTORY=" .. place.dir))))
    assert.equal(2, (select(2, place:run("--check --config " .. path))))
  end)
end)
