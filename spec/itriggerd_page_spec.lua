-- itriggerd's status page: as text by curl, and as a person sees it, in Chromium on a phone's screen.
local browser_support = require "spec.support.browser"
local itriggerd = require "spec.support.itriggerd"

if itriggerd.missing() then
  pending(itriggerd.missing())
  return
end

describe("the status page", function()
  local f = itriggerd.fixture()

  local function started(more)
    local d = f.place:start(more)
    d:await "token app=one"
    return d
  end

  local function page_in(d, language)
    return d:get("/", { "-H", "Accept-Language: " .. language }).body
  end

  it("needs a key, and asks a browser for it", function()
    local d = started()
    local answer = d:get("/", nil, false)
    assert.equal(401, answer.status)
    assert.truthy(answer.head:find("www-authenticate: basic realm", 1, true))
    assert.equal(200, d:get("/", { "-u", "anybody:" .. itriggerd.key }, false).status)
    assert.equal(401, d:get("/", nil, "wrong").status)
  end)

  it("needs none with status=open", function()
    assert.equal(200, started({ server = { status = "open" } }):get("/", nil, false).status)
  end)

  it("allows nothing from elsewhere, no script, and no copy", function()
    local answer = started():get("/")
    assert.truthy(answer.head:find("content-security-policy: default-src 'none'; style-src 'sha256-", 1, true))
    assert.falsy(answer.head:find("unsafe", 1, true))
    assert.truthy(answer.head:find("cache-control: no-store", 1, true))
    assert.truthy(answer.head:find("content-type: text/html; charset=utf-8", 1, true))
    assert.falsy(answer.body:find("<script", 1, true))
    assert.falsy(answer.body:find("https?://"))
  end)

  it("speaks the browser's language, of the two that it has", function()
    local d = started()
    for language, zh in pairs { ["zh-CN,zh;q=0.9,en;q=0.8"] = true, ["zh"] = true, ["de, zh-TW;q=0.5, en;q=0.3"] = true,
      ["en-US,en;q=0.9,zh;q=0.8"] = false, ["fr"] = false, ["zh;q=0, en;q=0.1"] = false, ["en;q=0.2,zh;q=0.25"] = true,
      ["zha, en"] = false } do
      assert.equal(zh, page_in(d, language):find('<html lang="zh-CN">', 1, true) ~= nil, language)
    end
  end)

  it("shows no token and no secret", function()
    local d = started()
    local token = d:get("/v1/apps/" .. f.place.app_id .. "/token").json.data.accessToken
    local body = d:get("/").body
    for _, secret in ipairs { token, f.place.app_secret, itriggerd.key } do
      assert.falsy(body:find(secret, 1, true))
    end
    assert.truthy(body:find("sha256:%x%x%x%x%x%x%x%x"))
  end)

  it("shows only the apps that the key has a right to, as text", function()
    local d = started { text = ("[app two]\napp_id = <b>&\"'2\napp_secret_file = %s/secret\ngateway = %s\n"
      .. "[client all]\nkey_file = %s\napps = *\n"):format(f.place.dir, f.sb.gateway,
      f.place:write("all", "key-of-all-0123456789abcdef\n")) }
    local mine = d:get("/").body
    assert.truthy(mine:find('data-app="one"', 1, true))
    assert.falsy(mine:find("two", 1, true))
    local all = d:get("/", nil, "key-of-all-0123456789abcdef").body
    assert.truthy(all:find(">&#60;b&#62;&#38;&#34;&#39;2</p>", 1, true))
    assert.falsy(all:find("<b>", 1, true))
  end)

  it("shows an app that cannot get a token, and why", function()
    local d = f.place:start { app = { app_id = "nobody" } }
    d:await "fetch app=one"
    local body = d:get("/").body
    assert.truthy(body:find("no usable token", 1, true))
    assert.truthy(body:find('data-fence="0"', 1, true))
    assert.truthy(body:find("failed → none<br>", 1, true))
  end)

  it("tells the reason in Chinese on the Chinese page, and the gateway's own words", function()
    local d = f.place:start { app = { app_id = "nobody" } }
    d:await "fetch app=one"
    local body = page_in(d, "zh")
    assert.truthy(body:find("应用 ID 或应用密钥错误：", 1, true), body)
    assert.truthy(body:find("获取失败 1", 1, true), body)
  end)

  it("shows an outage as one event with its number", function()
    f.sb:fault { kind = "status", status = 503, path = "token", times = 1000 }
    local d = f.place:start { app = { min_refresh_interval = 0 } }
    d:await "fetch app=one"
    d:eventually("the failures are one event", function()
      local body = d:get("/").body
      return body:find("failed → none × [2-9], first "), body
    end)
    local _, events = d:get("/").body:gsub("<tr>", "")
    assert.is_true(events <= 3, tostring(events))
  end)

  -- `n` apps beside "one", of which the last `bad` have an id that the gateway does not know.
  local function with_apps(n, bad)
    local text = {}
    for i = 1, n do
      local id = "app-" .. i .. f.place.app_id
      if i <= n - bad then
        f.sb:app { id = id, secret = f.place.app_secret }
      end
      text[i] = ("[app a%02d]\napp_id = %s\napp_secret_file = %s/secret\ngateway = %s\n"):format(i, id, f.place.dir, f.sb.gateway)
    end
    local d = f.place:start { client = { apps = "*" }, text = table.concat(text) }
    local failures = {}
    for i = 1, bad do
      failures[i] = ("fetch app=a%02d"):format(n - bad + i)
    end
    d:await((table.unpack or unpack)(failures))
    d:eventually("the others are ready", function()
      local body = d:get("/").body
      local _, good = body:gsub('<span class="badge">', "")
      return good == n + 1 - bad, body
    end)
    return d
  end

  it("says first how all do, and shows apps with trouble before the others, which are folded", function()
    local d = with_apps(9, 2)
    local body = d:get("/").body
    assert.truthy(body:find(">No usable token: 2 of 10 apps.<", 1, true), body)
    local order = {}
    for name, open in body:gmatch('data%-app="(%w+)"[^>]*><details( ?%w*)>') do
      order[#order + 1] = name .. open
    end
    assert.same({ "a08 open", "a09 open", "a01", "a02", "a03", "a04", "a05", "a06", "a07", "one" }, order)
    d:stop()
    assert.truthy(started():get("/").body:find(">Ready: 1 of 1 apps.<", 1, true))
  end)

  -- The token's record in the store of a daemon that has ended, as if it were `ms` older.
  local function age_record(ms)
    local name = itriggerd.shell("cd '" .. f.place.dir .. "/store' && ls *.record"):match("%S+")
    local text = f.place:read("store/" .. name)
    for _, time in ipairs { "born", "refresh", "end" } do
      text = text:gsub("\n" .. time .. " (%d+)\n", function(at)
        return ("\n%s %d\n"):format(time, tonumber(at) - ms)
      end)
    end
    f.place:write("store/" .. name, text)
  end

  describe("in a browser on a phone", function()
    local lacks = browser_support.missing()
    if lacks then
      pending(lacks)
      return
    end

    local browser

    after_each(function()
      if browser then
        browser:stop()
        browser = nil
      end
    end)

    -- The bar as it is drawn: its filled part of the whole.
    local function drawn()
      return browser:script [[
        const bar = document.querySelector("svg.life"), filled = bar.querySelectorAll("rect")[1];
        return filled.getBoundingClientRect().width / bar.getBoundingClientRect().width;
      ]]
    end

    it("shows an app's bar, and by itself the bar of the next token after a refresh", function()
      started():stop()
      age_record(3000 * 1000)
      local d = started { app = { daily_limit = 100 } }
      browser = browser_support.start { language = "zh-CN", width = 360, height = 740 }
      browser:open(d.url:gsub("//", "//anybody:" .. itriggerd.key .. "@") .. "/")

      local first = d:get("/v1/apps/" .. f.place.app_id .. "/token").json.data
      browser:find(("//section[@data-app='one'][@data-fence='%d']"):format(first.fence))
      assert.equal("iTrigger 令牌状态", browser:script "return document.title")
      assert.is_true(drawn() < 0.6)
      -- The style sheet is in force, and all of it fits a narrow screen.
      assert.equal("0px", browser:script "return getComputedStyle(document.querySelector('h2')).marginTop")
      assert.equal(360, browser:script "return document.documentElement.scrollWidth")

      local second = d:post("/v1/apps/" .. f.place.app_id .. "/refresh", ('{"refused":%d}'):format(first.fence)).json.data
      assert.is_true(second.fence > first.fence)
      browser:find(("//section[@data-app='one'][@data-fence='%d']"):format(second.fence))
      assert.is_true(drawn() > 0.9)
      assert.truthy(browser:script("return document.body.textContent"):find("令牌被拒", 1, true))
      assert.same({}, browser:complaints())
    end)

    it("tells on one screen how thirty apps do", function()
      local d = with_apps(29, 3)
      browser = browser_support.start { language = "en", width = 1280, height = 900 }
      browser:open(d.url:gsub("//", "//anybody:" .. itriggerd.key .. "@") .. "/")
      browser:find "//section[@data-app='one']"
      -- The last app that has trouble, and what the whole page takes: it was 16 000 pixels.
      assert.is_true(browser:script [[
        return document.querySelector("section[data-app=a27]").getBoundingClientRect().top < innerHeight]])
      assert.is_true(browser:script "return document.documentElement.scrollHeight < 3 * innerHeight")
      -- WCAG's 4.5 : 1 for the word that says that all is well.
      local ratio = browser:script [[
        const light = (c) => c.match(/[\d.]+/g).slice(0, 3).map((v) => v / 255)
          .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
          .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
        const badge = document.querySelector("section[data-app=one] .badge"), card = badge.closest("section");
        const [a, b] = [getComputedStyle(badge).color, getComputedStyle(card).backgroundColor].map(light).sort((x, y) => y - x);
        return (a + 0.05) / (b + 0.05)]]
      assert.is_true(ratio >= 4.5, tostring(ratio))
    end)
  end)
end)
