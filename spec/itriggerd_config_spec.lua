-- itriggerd --check: each bad configuration file is refused with its line and the reason.
local core = require "itrigger.core"
local guard = require "spec.support.guard"
local itriggerd = require "spec.support.itriggerd"

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
  { "nothing", "", nil, "add a section [app NAME]" },
  { "a line without =", SERVER .. "listen\n" .. APP .. CLIENT, 2, "expected \"name = value\"" },
  { "a colon for =", SERVER .. "threads: 2\n" .. APP .. CLIENT, 2, "expected \"name = value\"" },
  { "no name", SERVER .. "= 2\n", 2, "missing name" },
  { "an app id with a comment behind it", (APP:gsub("= one", "= 666 # shop", 1)) .. CLIENT, 2, "comment" },
  { "a comment inside a line", SERVER .. "threads = 2 ; two\n", 2, "comment" },
  { "a secret with \" ;\"", SERVER .. "[app one]\napp_secret = a ;b\n", 3, "comment" },
  { "a line that begins with a space", SERVER .. "threads = 2\n  3\n", 3, "indented line" },
  { "an open section", "[server\n", 1, "missing ] at the end of the section name" },
  { "text behind a section", "[server] x\n", 1, "text after the section's ]" },
  { "no UTF-8", SERVER .. "threads = \255\n", 2, "UTF-8" },
  { "a NUL", SERVER .. "threads = 1\0\n", 2, "NUL" },
  { "an unknown section", "[sever]\nlisten = 1\n", 1, "unknown section [sever]" },
  { "a name before any section", "listen = 127.0.0.1:1\n", 1, "add a line [server]" },
  { "an app without a name", "[app]\napp_id = 1\n", 1, "unknown section [app]" },
  { "an unknown option of the server", SERVER .. "lisen = 127.0.0.1:1\n", 2, 'did you mean "listen"?' },
  { "an unknown option of an app", "[app one]\napp_if = 1\n", 2, 'did you mean "app_id"?' },
  { "an unknown option of a client", "[client a]\nkey = 1\n", 2, 'unknown setting "key"' },
  { "an option twice", SERVER .. "threads = 1\nthreads = 2\n", 3, "set twice" },
  { "an app twice", APP .. CLIENT .. "[app one]\napp_id = two\n", 8, "duplicate section [app one]" },
  { "a second [server]", SERVER .. "status = key\n" .. APP .. CLIENT .. "[server]\nstatus = open\n", 10,
    "duplicate section [server]" },
  { "a section with nothing in it", APP .. CLIENT .. "[client b]\n", 8, "has no key" },
  { "a section [server] twice, empty", SERVER .. SERVER, 2, "duplicate section [server]" },
  { "no address", SERVER .. "listen = nowhere\n" .. APP .. CLIENT, 2, "HOST:PORT" },
  { "a host name", SERVER .. "listen = example.org:80\n" .. APP .. CLIENT, 2, "IP address" },
  { "a port that is none", SERVER .. "listen = 127.0.0.1:65536\n" .. APP .. CLIENT, 2, "a port of 0 to 65535" },
  { "a relative socket", SERVER .. "listen = unix:run\n" .. APP .. CLIENT, 2, "absolute" },
  { "TCP beyond loopback without TLS", SERVER .. "listen = 0.0.0.0:8700\n" .. APP .. CLIENT, 2, "tls = off" },
  { "TCP without keys", SERVER .. "listen = 127.0.0.1:8700\n" .. APP, 2, "needs a client key" },
  { "no threads", SERVER .. "threads = 0\n", 2, "it can be 1 to 64" },
  { "a log that is none", SERVER .. "log = xml\n", 2, "one of: text json" },
  { "a status that is none", SERVER .. "status = closed\n", 2, "one of: key open" },
  { "tls that is not off", SERVER .. "tls = on\n", 2, "expected off" },
  { "a certificate without its key", SERVER .. "tls_cert = /x\n" .. APP .. CLIENT, 2, "tls_key is missing" },
  { "a certificate, and tls = off", SERVER .. "tls_cert = /x\ntls_key = /x\ntls = off\n" .. APP .. CLIENT, 4, "contradicts" },
  { "a central server as its store", SERVER .. "token_store = http://127.0.0.1:1\n" .. APP .. CLIENT, 2, "central server" },
  { "a central server on a socket as its store", SERVER .. "token_store = unix:/x\n" .. APP .. CLIENT, 2,
    "central server" },
  { "an app without its id", "[app one]\napp_secret_file = DIR/secret\ngateway = https://g.example\n" .. CLIENT, 1, "app_id" },
  { "an app without its gateway", "[app one]\napp_id = one\napp_secret_file = DIR/secret\n" .. CLIENT, 1, "gateway" },
  { "http beyond loopback", (APP:gsub("https:", "http:")) .. CLIENT, 1, "https" },
  { "a secret that others can read", (APP:gsub("secret\n", "open\n")) .. CLIENT, 1, "other users can read" },
  { "a secret that is not there", (APP:gsub("secret\n", "gone\n")) .. CLIENT, 1, "No such file" },
  { "two secrets", APP .. "app_secret = x\n" .. CLIENT, 1, "both set; remove one" },
  { "a margin that is no number", APP .. "refresh_margin = soon\n" .. CLIENT, 5, "must be a number" },
  { "a limit below 0", APP .. "daily_limit = -1\n" .. CLIENT, 5, "daily_limit" },
  { "refresh that is none", APP .. "refresh = never\n" .. CLIENT, 5, "one of: always used" },
  { "a relative token_file", APP .. "token_file = token\n" .. CLIENT, 5, "absolute" },
  { "one app id twice", APP .. (APP:gsub("app one", "app two")) .. CLIENT, 5, "same app_id" },
  { "one app id on two gateways", APP .. (APP:gsub("app one", "app two"):gsub("gateway%.", "other.")) .. CLIENT, 5,
    "two gateways" },
  { "a client without a key", APP .. "[client a]\napps = one\n", 5, "no key" },
  { "a client without apps", APP .. "[client a]\nkey_sha256 = " .. SHA .. "\n", 5, "no apps" },
  { "a client of an app that is not there", APP .. CLIENT:gsub("= one", "= one, two"), 7, 'no [app two]' },
  { "a digest that is none", APP .. "[client a]\nkey_sha256 = 12\n", 6, "64 hex digits" },
  { "a key that others can read", APP .. "[client a]\nkey_file = DIR/open\n", 6, "other users can read" },
  { "a key that is short", APP .. "[client a]\nkey_file = DIR/short\n", 6, "shorter than 16" },
  { "a digest of nothing, as a shell recipe gives it whose variable is empty", APP .. "[client a]\nkey_sha256 = "
    .. "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n", 6, "guess" },
  { "a digest of a line end", APP .. "[client a]\nkey_sha256 = "
    .. "01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b\n", 6, "guess" },
  { "a role that is none", APP .. "[client a]\nrole = admin\n", 6, "one of: token monitor" },
  { "apps that are all and some", APP .. CLIENT .. "apps = *\n", 8, "keep one of them" },
  { "an access log that is none", SERVER .. "access_log = some\n", 2, "one of: off errors all" },
  { "a log level that is none", SERVER .. "log_level = loud\n", 2, "one of: debug info warning error" },
  { "a life of a token that is none", (APP:gsub("^%[app one%]\n", "%0token_ttl = 0.01\n")) .. CLIENT, 2,
    "token_ttl is 0.01; it can be 0.05 to 2592000 seconds" },
  { "a check interval below 0", APP .. "check_interval = -1\n" .. CLIENT, 5, "it can be 0 to 86400 seconds" },
  { "a token_file in a directory that is not there", APP .. "token_file = DIR/none/token\n" .. CLIENT, 5, "No such file" },
  { "a token_file that names a secret", APP .. "token_file = DIR/secret\n" .. CLIENT, 5, "did not write it" },
  { "a token_file that names the configuration", APP .. "token_file = DIR/check.ini\n" .. CLIENT, 5, "did not write it" },
  { "two apps with one token_file", APP .. "token_file = DIR/token\n" .. (APP:gsub("one", "two"))
    .. "token_file = DIR/token\n" .. CLIENT, 10, "same token_file" },
  { "two clients with one key", APP .. CLIENT .. (CLIENT:gsub("client a", "client b")), 8, "the same key" },
}

describe("itriggerd --check", function()
  local place
  itriggerd.place_for_all(function(made)
    place = made
    place:write("short", "short\n")
    place:write("open", "an-open-secret-0123456789\n")
    os.execute("chmod 644 " .. place.dir .. "/open")
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

  it("takes a secret from $CREDENTIALS_DIRECTORY under the app's name, and says where it cannot check that", function()
    place:write("one", "secret-of-one\n")
    local path = place:write("check.ini", "[app one]\napp_id = one\ngateway = https://g.example\n" .. CLIENT)
    local said, code = place:run("--check --config " .. path, "CREDENTIALS_DIRECTORY=" .. place.dir)
    assert.equal(0, code)
    assert.is_nil(said:find("note", 1, true))
    said, code = place:run("--check --config " .. path)
    assert.equal(0, code)
    assert.truthy(said:find("note: the secret of [app one] comes from systemd", 1, true), said)
    assert.equal(2, (select(2, place:run("--config " .. path))))
    place:write("two.ini", "[app two]\napp_id = two\ngateway = https://g.example\n" .. CLIENT)
    said, code = place:run("--check --config " .. place.dir .. "/two.ini", "CREDENTIALS_DIRECTORY=" .. place.dir)
    assert.equal(2, code, said) -- a directory that is there, without the secret
  end)

  it("says of credentials that only the service sees that it did not check them", function()
    local path = place:write("check.ini", "[server]\ntls_cert = /run/credentials/no.service/tls.crt\n"
      .. "tls_key = /run/credentials/no.service/tls.key\n[app one]\napp_id = one\ngateway = https://g.example\n" .. CLIENT)
    local said, code = place:run("--check --config " .. path, "CREDENTIALS_DIRECTORY=/run/credentials/no.service")
    assert.equal(0, code, said)
    assert.truthy(said:find("note: the secret of [app one] comes from systemd", 1, true), said)
    assert.truthy(said:find("note: the certificate comes from systemd", 1, true), said)
    assert.equal(2, (select(2, place:run("--config " .. path, "CREDENTIALS_DIRECTORY=/run/credentials/no.service"))))
  end)

  it("says of the packaged example that it is good", function()
    local said, code = place:run("--check --config packaging/itriggerd.ini")
    assert.equal(0, code, said)
  end)

  it("says which setting names a certificate or key that cannot be read", function()
    local said, code = check(SERVER .. "tls_cert = /nope.crt\ntls_key = /nope.key\n" .. APP .. CLIENT)
    assert.equal(2, code)
    assert.truthy(said:find("tls_cert: /nope.crt: No such file", 1, true), said)
    said = check(SERVER .. "tls_cert = DIR/secret\ntls_key = /nope.key\n" .. APP .. CLIENT)
    assert.truthy(said:find("tls_key: /nope.key: No such file", 1, true), said)
  end)

  it("sends who misspells an option to --help", function()
    local said, code = place:run "--chek"
    assert.equal(2, code)
    assert.truthy(said:find("'--chek'\nitriggerd: see --help", 1, true), said)
  end)

  it("refuses a file that every user can write", function()
    local path = place:write("writable.ini", APP:gsub("DIR", place.dir) .. CLIENT)
    os.execute("chmod 646 " .. path)
    local said, code = place:run("--check --config " .. path)
    assert.equal(2, code)
    assert.truthy(said:find("chmod o-w", 1, true), said)
  end)

  -- What a start would say: each of these was "ok", and then did not start.
  for address, words in pairs {
    ["foo:"] = 'unknown store "foo:"',
    ["/var/lib/tokens"] = 'unknown store "/var/lib/tokens"; expected "file:", "file:/directory"',
    ["a-scheme-of-forty-letters-and-no-store-xx:/"] = 'unknown store "a-scheme-of-forty-letters-and-no-store-x',
    ["file:rel"] = "absolute path",
    ["redis://127.0.0.1:99999/0"] = "port",
  } do
    it("refuses token_store = " .. address, function()
      local said, code = check(SERVER .. "token_store = " .. address .. "\n" .. APP .. CLIENT)
      assert.equal(2, code, said)
      assert.truthy(said:find(words, 1, true), said)
    end)
  end

  it("refuses a socket in a directory that is not there", function()
    local said, code = check(SERVER .. "listen = unix:DIR/none/socket\n" .. APP .. CLIENT)
    assert.equal(2, code, said)
    assert.truthy(said:find("No such file", 1, true), said)
  end)

  it("takes lines of any length, and apps on several of them", function()
    local apps, lines = {}, {}
    for i = 1, 40 do
      apps[i] = ("[app shop-number-%d]\napp_id = %d\napp_secret_file = DIR/secret\ngateway = https://g.example\n"):format(i, i)
      lines[i] = "shop-number-" .. i
    end
    local text = table.concat(apps) .. "[client a]\nkey_sha256 = " .. SHA .. "\napps = " .. table.concat(lines, ", ", 1, 30)
      .. "\napps = " .. table.concat(lines, ",", 31) .. "\n"
    local said, code = check(text)
    assert.equal(0, code, said)
    said, code = check(text:gsub("shop%-number%-40\n$", "shop-number-41\n"))
    assert.equal(2, code)
    assert.truthy(said:find("shop-number-41", 1, true), said)
  end)

  it("takes several key_sha256 lines", function()
    local said, code = check(APP .. "[client a]\nkey_sha256 = " .. SHA .. "\nkey_sha256 = " .. SHA:reverse() .. "\napps = one\n")
    assert.equal(0, code, said)
  end)

  it("reloads a process by --reload only if the file is good", function()
    local pipe = assert(io.popen("sh -c 'trap \"echo reloaded; exit\" HUP; echo $$; while :; do sleep 0.05; done'"))
    local pid = pipe:read("*l")
    local running = guard(pid)
    finally(function()
      running:close()
      pipe:close()
    end)
    assert.equal(2, (select(2, check(SERVER .. "threads = 0\n"))))
    local path = place:write("check.ini", SERVER .. "threads = 0\n")
    assert.equal(2, (select(2, place:run("--check --reload " .. pid .. " --config " .. path))))
    path = place:write("check.ini", (APP:gsub("DIR", place.dir)) .. CLIENT)
    assert.equal(0, (select(2, place:run("--check --reload " .. pid .. " --config " .. path))))
    assert.equal("reloaded", pipe:read("*l"))
  end)
end)

describe("itriggerd", function()
  local place
  itriggerd.place_for_all(function(made)
    place = made
  end)

  it("--make-key prints a key of its own each time, and its digest", function()
    local said, code = place:run("--make-key")
    assert.equal(0, code)
    local key, digest = said:match("^key %(for the client%): (%x+)\nkey_sha256 = (%x+)\n$")
    assert.equal(64, #key)
    assert.equal(digest, itriggerd.shell("printf %s " .. key .. " | sha256sum"):match("^%x+"))
    assert.not_equal(said, (place:run("--make-key")))
  end)

  it("takes the options that the table of options gives to it, and no other; the man page has each, with its default", function()
    local page = itriggerd.shell("sed -n '/^.SS .app NAME/,/^.SS .client NAME/p' docs/man/itriggerd.8")
    for _, option in ipairs(core.options()) do
      local value = option.choices and option.choices[1] or option.default or "x"
      local path = place:write("a.ini", "[app one]\n" .. option.name .. " = " .. value .. "\n")
      local said = place:run("--check --config " .. path)
      assert.equal(option.daemon == true, not said:find("unknown setting", 1, true), option.name .. ": " .. said)
      assert.equal(option.daemon == true, page:find("%f[%w_]" .. option.name .. "%f[^%w_]") ~= nil, option.name)
      if option.daemon and type(option.default) == "number" then
        local said_of_it = page:match("\n%.B " .. option.name .. "\n(.-)\n%.TP\n")
        assert.truthy(said_of_it:find("default " .. option.default .. "%f[^%d]"), option.name)
      end
    end
    for _, name in ipairs { "token_file", "refresh", "check_interval" } do
      assert.truthy(page:find("%f[%w_]" .. name .. "%f[^%w_]"), name)
    end
  end)

  it("asks for a private file only where it has a secret", function()
    place:write("secret", "a-secret-of-an-app\n")
    local app = APP:gsub("DIR", place.dir)
    for proxy, good in pairs { ["http://127.0.0.1:3128"] = true, ["http://me:pass@127.0.0.1:3128"] = false } do
      local path = place:write("readable.ini", app .. "proxy = " .. proxy .. "\n" .. CLIENT)
      itriggerd.shell("chmod 644 " .. path)
      local said = place:run("--check --config " .. path)
      assert.equal(good, said:find(": ok\n", 1, true) ~= nil, said)
    end
  end)

  it("--show-config prints all that is in force as a file that is good, without a secret", function()
    place:write("secret", "a-secret-of-an-app\n")
    local path = place:write("a.ini", "[server]\ntoken_store = redis://user:hidden-word@127.0.0.1/0\n"
      .. (APP:gsub("DIR", place.dir)) .. "refresh_margin = 60.5\n[app two]\napp_id = two\napp_secret = another-secret\n"
      .. "gateway = https://g.example\nproxy = http://me:pass-word@127.0.0.1:3128\n" .. CLIENT)
    local said, code = place:run("--show-config --config " .. path)
    assert.equal(0, code, said)
    for _, secret in ipairs { "a-secret-of-an-app", "another-secret", "hidden-word", "pass-word" } do
      assert.is_nil(said:find(secret, 1, true), said)
    end
    for _, line in ipairs { "listen = 127.0.0.1:8700", "token_ttl = 7200", "refresh_margin = 60.500", "check_interval = 60",
      "access_log = errors", "token_store = redis://user:***@127.0.0.1/0", "app_secret = ***", "role = token", "apps = one" } do
      assert.truthy(said:find(line .. "\n", 1, true), line .. "\n" .. said)
    end
    local again = place:write("b.ini", said)
    assert.equal("itriggerd: " .. again .. ": ok\n", (place:run("--check --config " .. again)))
    assert.equal(said, (place:run("--show-config --config " .. again)))
  end)
end)
