std = "min+luajit"
max_line_length = 140
codes = true
exclude_files = { "build/**" }

files["spec/**"] = { std = "max+busted" }
files[".luacheckrc"] = { std = "luacheckrc" }
files["rockspec/**"] = { std = "rockspec" }
-- What nginx gives to the sandbox's code.
files["sandbox/**"] = { std = "ngx_lua" }
-- What HAProxy gives to its services.
files["examples/haproxy/**"] = { read_globals = { "core" } }
-- What Apache gives to its handlers, and Neovim to its scripts.
files["examples/apache/**"] = { read_globals = { "apache2" } }
files["examples/neovim/**"] = { read_globals = { "vim" } }
files["tools/busted_tap.lua"] = { std = "min" }
files["tools/lint_rules.lua"] = { std = "min" }
