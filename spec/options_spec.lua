local core = require "itrigger.core"
local errors = require "itrigger.errors"
local face = require "spec.support.face"
local itrigger = require "itrigger"
local options = require "itrigger.options"

-- A complete set; never used to call anything.
local function complete(more)
  local given = { app_id = "a", app_secret = "s", gateway = "https://gateway.example" }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  return given
end

local function refuses(given, ...)
  local made, err = itrigger.new(given)
  assert.is_nil(made)
  assert.is_true(errors.is(err))
  assert.equal("config", err.kind)
  for _, text in ipairs { ... } do
    assert.truthy(err.message:find(text, 1, true), ("%q is not in %q"):format(text, err.message))
  end
  return err
end

local function accepts(given)
  assert(itrigger.new(given)):close()
end

describe("options", function()
  it("are complete with an app id, its secret and a gateway", function()
    accepts(complete())
  end)

  it("take every documented one, together", function()
    accepts(complete {
      token_store = "memory:", token_endpoint = "refresh", token_ttl = 3600, refresh_margin = 60,
      min_refresh_interval = 5, daily_limit = 100, token_error_codes = { 40101, 40102 },
      permission_error_codes = {}, timeout = 1.5, connect_timeout = 1, token_timeout = 2, retries = 0,
      concurrency = 4, max_host_connections = 4, max_response_bytes = 1024, proxy = "", user_agent = "x/1",
      http_version = "1.1", null = "keep", transport = "auto",
    })
  end)

  it("take what their row of the table allows, also as text, and refuse the next value", function()
    for _, option in ipairs(core.options()) do
      local name = option.name
      if option.type == "seconds" or option.type == "integer" then
        for _, value in ipairs { option.min, option.max, option.default } do
          accepts(complete { [name] = value, token_store = "memory:" })
          accepts(complete { [name] = ("%.14g"):format(value), token_store = "memory:" })
        end
        refuses(complete { [name] = option.min - 1 }, "option " .. name .. " is ")
        refuses(complete { [name] = option.max + 1 }, "option " .. name .. " is ")
        refuses(complete { [name] = "x" }, "option " .. name .. ' is "x"; it must be a number')
        refuses(complete { [name] = {} }, "option " .. name .. " ")
      elseif option.type == "choice" then
        for _, word in ipairs(option.choices) do
          accepts(complete { [name] = word, token_store = "memory:" })
        end
        refuses(complete { [name] = "no such word" }, "option " .. name .. " is ")
      elseif option.type == "codes" then
        accepts(complete { [name] = "1, 2 3", token_store = "memory:" })
        refuses(complete { [name] = "x" }, "option " .. name .. ": ")
        refuses(complete { [name] = { {} } }, "option " .. name)
      else
        refuses(complete { [name] = 1.5 }, "option " .. name .. " ")
        refuses(complete { [name] = ("x"):rep(5000) }, "option " .. name)
      end
    end
  end)

  it("take a boolean where 0 and 1 are all there is", function()
    accepts(complete { trace = true })
    accepts(complete { trace = false })
    refuses(complete { retries = true }, "retries", "boolean")
  end)

  it("name the missing or empty credential, and the variable to set", function()
    refuses({ app_secret = "s", gateway = "https://g" }, "option app_id is missing", "ITRIGGER_APP_ID")
    refuses({ app_id = "a", gateway = "https://g" }, "option app_secret is missing", "ITRIGGER_APP_SECRET")
    refuses({ app_id = "a", app_secret = "s" }, "option gateway is missing", "https://host",
      "give it to new or configure, or set ITRIGGER_GATEWAY")
    refuses(complete { app_id = "" }, "option app_id is empty")
    refuses(complete { app_secret = "" }, "option app_secret is empty")
    refuses(complete { gateway = "" }, "option gateway is empty")
    refuses(complete { app_id = "a\nb" }, "app_id", "control character")
    refuses(complete { app_id = "a\0b" }, "app_id", "NUL")
    refuses(complete { app_secret = "\255" }, "app_secret", "UTF-8")
  end)

  it("never show a secret", function()
    local err = refuses(complete { app_secret = "hush-hush-hush\n" }, "app_secret")
    assert.falsy(tostring(err):find("hush", 1, true))
    err = refuses(complete { token_store = "redis://u:hush-hush@h/0" }, "token_store", "redis:")
    assert.falsy(tostring(err):find("hush", 1, true))
  end)

  it("refuse a gateway that is no base URL", function()
    for _, gateway in ipairs { "gateway.example", "http://gateway.example", "ftp://g", "https://g/path",
      "https://g?q=1", "https://u@g", "https://u:p@g", "https://", "https://g h", "https://g#f", "//g" } do
      refuses(complete { gateway = gateway }, "gateway")
    end
    for _, gateway in ipairs { "https://g/", "http://127.0.0.1:8080", "http://localhost", "http://[::1]:1" } do
      accepts(complete { gateway = gateway })
    end
  end)

  it("name the known one nearest to a misspelt one", function()
    refuses(complete { apid = "x" }, 'unknown option "apid"', '"app_id"')
    refuses(complete { time_out = 1 }, '"timeout"')
    refuses(complete { nul = "keep" }, '"null"')
    refuses(complete { transprot = "auto" }, '"transport"')
    local err = refuses(complete { quite_another_thing = 1 }, 'unknown option "quite_another_thing"')
    assert.falsy(err.message:find("did you mean", 1, true))
    refuses(complete { [1] = "x" }, "names as keys")
    refuses(complete { ["a\nb"] = 1 }, [["a\nb"]])
  end)

  it("refuse values of the wrong type or out of bounds", function()
    refuses(complete { timeout = "soon" }, "timeout", "number")
    refuses(complete { timeout = 0 }, "timeout")
    refuses(complete { timeout = -1 }, "timeout")
    refuses(complete { timeout = 0 / 0 }, "timeout")
    refuses(complete { retries = 1.5 }, "retries", "integer")
    refuses(complete { app_id = 5 }, "app_id", "string")
    refuses(complete { gateway = {} }, "gateway", "table")
    refuses(complete { user_agent = true }, "user_agent", "boolean")
    refuses(complete { token_endpoint = "other" }, "token_endpoint", "token", "refresh")
    refuses(complete { token_error_codes = { "x" } }, "token_error_codes", "item 1")
    refuses(complete { token_error_codes = 40101 }, "token_error_codes")
    refuses(complete { null = "maybe" }, "null", '"nil" or "keep"')
    refuses(complete { transport = {} }, "transport", '"auto"')
    refuses(complete { ca_file = "/does/not/exist.pem" }, "ca_file")
  end)

  it("refuse a token store that is not there, by its scheme", function()
    refuses(complete { token_store = "etcd://h/0" }, "token_store", '"etcd:"', '"memory:"', '"file:"')
    refuses(complete { token_store = "file:here" }, "token_store", "absolute path")
    refuses(complete { token_store = "nonsense" }, "token_store", 'unknown store "nonsense"', '"memory:"')
  end)

  describe("app_secret_file", function()
    local name

    before_each(function()
      name = os.tmpname()
      os.execute("chmod 600 " .. name)
    end)

    after_each(function()
      os.remove(name)
    end)

    local function write(text)
      local file = assert(io.open(name, "w"))
      file:write(text)
      file:close()
    end

    it("gives the secret", function()
      write("the-secret\n")
      accepts({ app_id = "a", gateway = "https://g", app_secret_file = name })
    end)

    it("must be there, hold something and be its owner's alone", function()
      refuses({ app_id = "a", gateway = "https://g", app_secret_file = name }, name)
      write("the-secret\n")
      os.execute("chmod 644 " .. name)
      refuses({ app_id = "a", gateway = "https://g", app_secret_file = name }, name)
      refuses({ app_id = "a", gateway = "https://g", app_secret_file = "/does/not/exist" }, "/does/not/exist")
    end)

    it("excludes app_secret", function()
      write("the-secret\n")
      refuses(complete { app_secret_file = name }, "option app_secret_file is set, and so is app_secret; remove one of them")
    end)
  end)

  describe("of the environment", function()
    local try = [[
      local made, err = require("itrigger").new(%s)
      print(made and "made" or err.message)
      if made then print(made) end
    ]]
    local environment = {
      ITRIGGER_APP_ID = "from-env",
      ITRIGGER_APP_SECRET = "s",
      ITRIGGER_GATEWAY = "https://gateway.example",
    }

    local function with(more)
      local all = {}
      for _, part in ipairs { environment, more } do
        for name, value in pairs(part) do
          all[name] = value
        end
      end
      return all
    end

    it("fill in what is not given", function()
      local output = face.run(try:format(""), environment)
      assert.truthy(output:find("^made\n"), output)
      assert.truthy(output:find("app from-env at https://gateway.example", 1, true), output)
    end)

    it("give way to what is given", function()
      local output = face.run(try:format('{ app_id = "given" }'), environment)
      assert.truthy(output:find("app given at", 1, true), output)
    end)

    it("are named in the error when one of them is bad", function()
      local output = face.run(try:format(""), with { ITRIGGER_TIMEOUT = "soon" })
      assert.truthy(output:find('timeout is "soon"', 1, true), output)
      assert.truthy(output:find("from the environment, ITRIGGER_TIMEOUT", 1, true), output)
      output = face.run(try:format(""), with { ITRIGGER_NULL = "maybe" })
      assert.truthy(output:find("from the environment, ITRIGGER_NULL", 1, true), output)
    end)

    it("do not include on_call, which no variable can hold", function()
      local output = face.run(try:format(""), with { ITRIGGER_ON_CALL = "print" })
      assert.truthy(output:find("^made\n"), output)
    end)

    it("hold numbers and lists as text", function()
      local output = face.run(try:format(""), with {
        ITRIGGER_TIMEOUT = "2.5",
        ITRIGGER_TOKEN_ERROR_CODES = "40101, 40102",
        ITRIGGER_RETRIES = "0",
      })
      assert.truthy(output:find("^made\n"), output)
    end)

    it("are read once, when the library is loaded", function()
      local output = face.run([[
        local ok, posix = pcall(require, "posix.stdlib")
        local itrigger = require "itrigger"
        if ok then posix.setenv("ITRIGGER_APP_ID", "") end
        os.getenv = function() error("read again") end
        print(itrigger.new())
      ]], environment)
      assert.truthy(output:find("app from-env", 1, true), output)
    end)

    it("give way as a pair: a secret that is given hides a secret file, and the other way round", function()
      local output = face.run(try:format('{ app_secret = "given" }'),
        with { ITRIGGER_APP_SECRET_FILE = "/does/not/exist" })
      assert.truthy(output:find("^made\n"), output)
      output = face.run(try:format('{ app_secret_file = "/does/not/exist" }'), environment)
      assert.truthy(output:find("/does/not/exist", 1, true), output)
    end)
  end)

  it("have a variable each", function()
    assert.equal("ITRIGGER_APP_ID", options.variable("app_id"))
  end)
end)
