-- Headless Chromium, driven through ChromeDriver by the W3C WebDriver protocol, spoken with curl:
--
--   local browser = assert(browser_support.start { language = "zh-CN", width = 360, height = 740 })
--   browser:open "http://user:password@127.0.0.1:8700/"
--   browser:find "//h1"            -- by XPath; waits for it, over reloads too, as long as `patience` says
--   browser:script "return document.title"
--   browser:stop()
--
-- ChromeDriver, and Chromium with it, ends at the latest with this process: a guard waits for the
-- end of a pipe that only this process has.
local cjson = require "cjson"
local needs = require "spec.support.needs"
local sandbox = require "spec.support.sandbox"

local browser = {}

local PATIENCE_MS = 60000 -- an element that does not come by then is an error

local Browser = {}
Browser.__index = Browser

function browser.missing()
  return needs.program("chromium", "chromium") or needs.program("chromedriver", "chromium-driver")
end

-- One command of the protocol, its body a table or JSON text; its value, or an error with what the driver says.
local function command(url, method, body)
  local more = { "-X", method, "--max-time", "120" }
  if body then
    more[#more + 1] = "--data-binary"
    more[#more + 1] = type(body) == "string" and body or cjson.encode(body)
    more[#more + 1] = "-H"
    more[#more + 1] = "Content-Type: application/json"
  end
  local answer = sandbox.request(url, more)
  local good, json = pcall(cjson.decode, answer.body)
  local value = good and type(json) == "table" and json.value or nil
  if answer.status ~= 200 then
    error(("webdriver: %s %s: %s"):format(method, url:match("[^/]*$"),
      type(value) == "table" and value.message or answer.body), 3)
  end
  return value
end

-- The driver's address, once it listens. nil, and what it said: it ended.
local function launch(self)
  self.pipe = assert(io.popen("echo $$; exec chromedriver --port=0 2>&1"))
  self.pid = self.pipe:read("*l")
  local said = {}
  for line in self.pipe:lines() do
    said[#said + 1] = line
    local port = line:match("started successfully on port (%d+)")
    if port then
      self.guard = assert(io.popen("cat >/dev/null; kill " .. self.pid .. " 2>/dev/null", "w"))
      return "http://127.0.0.1:" .. port
    end
  end
  self.pipe:close()
  return nil, table.concat(said, "\n")
end

-- ChromeDriver takes a free port of IPv6 and then the same of IPv4, which now and then (1 of 30 here)
-- somebody else has: it says so and ends. That alone is a reason for another start.
local function launch_on_free_port(self)
  local driver, said
  repeat
    driver, said = launch(self)
  until driver or not said:find("IPv4 port not available", 1, true)
  return driver or error("chromedriver ended before it listened:\n" .. said)
end

-- options: language, width and height of a phone's screen.
function browser.start(options)
  local self = setmetatable({}, Browser)
  local driver = launch_on_free_port(self)
  local session = command(driver .. "/session", "POST", { capabilities = { alwaysMatch = {
    ["goog:chromeOptions"] = {
      args = { "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
        "--no-proxy-server", "--accept-lang=" .. options.language },
      mobileEmulation = { deviceMetrics = { width = options.width, height = options.height, pixelRatio = 1 } },
    },
    ["goog:loggingPrefs"] = { browser = "ALL" },
  } } })
  self.url = driver .. "/session/" .. session.sessionId
  command(self.url .. "/timeouts", "POST", { implicit = PATIENCE_MS })
  return self
end

function Browser.open(self, url)
  command(self.url .. "/url", "POST", { url = url })
end

function Browser.find(self, xpath)
  return command(self.url .. "/element", "POST", { using = "xpath", value = xpath })
end

-- Runs text in the page; what it returns, null as cjson.null.
function Browser.script(self, text)
  return command(self.url .. "/execute/sync", "POST", ('{"script":%s,"args":[]}'):format(cjson.encode(text)))
end

-- What its console said since it was asked last: errors of the policy, of the network.
function Browser.complaints(self)
  local lines = {}
  for _, entry in ipairs(command(self.url .. "/se/log", "POST", { type = "browser" })) do
    lines[#lines + 1] = entry.message
  end
  return lines
end

function Browser.stop(self)
  if self.url then
    pcall(command, self.url, "DELETE")
  end
  self.guard:close()
  self.pipe:close()
end

return browser
