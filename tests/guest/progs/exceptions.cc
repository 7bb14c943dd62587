// SPDX-License-Identifier: MIT
// C++ exceptions through several frames and shared libraries, RTTI, iostreams, containers, static constructors.
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

struct Guard {
	int &count;
	~Guard() { count++; }
};

static int unwound;
static std::string made_before_main = std::string(3, 'x');

static int deep(int n)
{
	Guard g{unwound};
	if (n == 0)
		throw std::out_of_range("at the bottom");
	return deep(n - 1) + 1;
}

int main()
{
	try {
		deep(100);
	} catch (const std::exception &e) {
		std::cout << "caught " << e.what() << " after " << unwound << " frames\n";
	}
	try {
		(void)std::vector<int>().at(3);
	} catch (const std::out_of_range &) {
		std::cout << "vector::at threw\n";
	}
	try {
		std::unique_ptr<char[]> p(new char[1ull << 46]);
		p[0] = 1;
		std::cout << "allocated the impossible\n";
	} catch (const std::bad_alloc &) {
		std::cout << "bad_alloc\n";
	}
	std::map<std::string, int> m{{"b", 2}, {"a", 1}};
	for (auto &[k, v] : m)
		std::cout << k << v << ' ';
	std::cout << made_before_main << '\n';
	std::cout << std::regex_replace("one two", std::regex("o(\\w)"), "0$1") << '\n';
	try {
		throw 42;
	} catch (int n) {
		std::cerr << "caught " << n << '\n';
		return n;
	}
}
