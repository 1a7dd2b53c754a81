// The interface that checkers and interactors of programming contests are written against, made
// anew for rewardd: streams inf, ouf and ans, registerTestlibCmd, registerInteraction, quitf.
// It keeps the names, arguments, messages and exit statuses that such programs rely on. It shares
// no code with the library of that name; a reference that brings its own testlib.h gets that one.
#ifndef REWARDD_TESTLIB_H
#define REWARDD_TESTLIB_H

#include <bits/stdc++.h>

#include <regex.h>

#if defined(__GNUC__)
#define TESTLIB_PRINTF(at, from) __attribute__((format(printf, at, from)))
#define TESTLIB_NORETURN __attribute__((noreturn))
#else
#define TESTLIB_PRINTF(at, from)
#define TESTLIB_NORETURN
#endif

#define OK_EXIT_CODE 0
#define WA_EXIT_CODE 1
#define PE_EXIT_CODE 2
#define FAIL_EXIT_CODE 3
#define DIRT_EXIT_CODE 4
#define POINTS_EXIT_CODE 7
#define UNEXPECTED_EOF_EXIT_CODE 8
#define PC_BASE_EXIT_CODE 50

enum TResult {
    _ok = 0, _wa = 1, _pe = 2, _fail = 3, _dirt = 4, _points = 5, _unexpected_eof = 8, _partially = 16
};
enum TMode { _input, _output, _answer };
enum TTestlibMode { _unknown, _checker, _validator, _generator, _interactor };
#define _pc(percent) (TResult(int(percent) + int(_partially)))

const char LF = '\n', CR = '\r', TAB = '\t', SPACE = ' ';
const int EOFC = 255;

inline TTestlibMode testlibMode = _unknown;
inline double testlibPoints = 0;
inline int testlibTestCase = -1;

inline std::string testlib_vformat(const char *text, va_list list) {
    va_list copy;
    va_copy(copy, list);
    int size = vsnprintf(nullptr, 0, text, copy);
    va_end(copy);
    std::vector<char> held(size_t(std::max(size, 0)) + 1);
    vsnprintf(held.data(), held.size(), text, list);
    return held.data();
}
#define TESTLIB_FORMAT(text, into)                      \
    va_list testlib_list;                               \
    va_start(testlib_list, text);                       \
    std::string into = testlib_vformat(text, testlib_list); \
    va_end(testlib_list)

TESTLIB_PRINTF(1, 2) inline std::string format(const char *text, ...) {
    TESTLIB_FORMAT(text, made);
    return made;
}
inline std::string format(const std::string text, ...) {
    va_list list;
    va_start(list, text);
    std::string made = testlib_vformat(text.c_str(), list);
    va_end(list);
    return made;
}

inline bool isBlanks(char c) { return c == LF || c == CR || c == SPACE || c == TAB; }
inline bool isBlanks(int c) { return c == LF || c == CR || c == SPACE || c == TAB; }
inline bool isEof(int c) { return c == EOF || c == EOFC; }
inline bool isEoln(int c) { return c == LF || c == CR; }
inline bool __testlib_isNaN(double r) { return std::isnan(r); }
inline bool __testlib_isInfinite(double r) { return std::isinf(r); }
inline bool isNaN(double r) { return std::isnan(r); }
inline bool isInfinite(double r) { return std::isinf(r); }
template <class T> T __testlib_abs(const T &x) { return x > 0 ? x : -x; }
template <class T> T __testlib_min(const T &a, const T &b) { return a < b ? a : b; }
template <class T> T __testlib_max(const T &a, const T &b) { return a > b ? a : b; }

inline std::string lowerCase(std::string s) {
    for (char &c : s) if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
    return s;
}
inline std::string upperCase(std::string s) {
    for (char &c : s) if (c >= 'a' && c <= 'z') c = char(c - 'a' + 'A');
    return s;
}
inline std::string trim(const std::string &s) {
    size_t from = 0, to = s.size();
    while (from < to && isBlanks(s[from])) from++;
    while (to > from && isBlanks(s[to - 1])) to--;
    return s.substr(from, to - from);
}
inline std::string compress(const std::string &s) {
    const size_t most = 64, kept = 30;
    return s.size() <= most ? s : s.substr(0, kept) + "..." + s.substr(s.size() - kept);
}
inline std::string englishEnding(int x) {
    x %= 100;
    if (x / 10 == 1) return "th";
    return x % 10 == 1 ? "st" : x % 10 == 2 ? "nd" : x % 10 == 3 ? "rd" : "th";
}
template <class T> std::string vtos(const T &value) {
    std::ostringstream out;
    out << std::setprecision(16) << value;
    return out.str();
}
template <class T> std::string toString(const T &value) { return vtos(value); }
template <class T> std::string toHumanReadableString(const T &value) { return vtos(value); }
template <class I> std::string join(I first, I last, std::string between) {
    std::string made;
    for (I at = first; at != last; ++at) made += (at == first ? "" : between) + vtos(*at);
    return made;
}
template <class I> std::string join(I first, I last, char between) {
    return join(first, last, std::string(1, between));
}
template <class I> std::string join(I first, I last) { return join(first, last, " "); }
template <class C> std::string join(const C &all, char between) {
    return join(all.begin(), all.end(), std::string(1, between));
}
template <class C> std::string join(const C &all, std::string between) {
    return join(all.begin(), all.end(), between);
}
template <class C> std::string join(const C &all) { return join(all.begin(), all.end(), " "); }
inline std::vector<std::string> split(const std::string &s, const std::string &at) {
    std::vector<std::string> parts(1);
    for (char c : s) {
        if (at.find(c) != std::string::npos) parts.emplace_back();
        else parts.back() += c;
    }
    return parts;
}
inline std::vector<std::string> split(const std::string &s, char at) {
    return split(s, std::string(1, at));
}
inline std::vector<std::string> tokenize(const std::string &s, const std::string &at) {
    std::vector<std::string> parts;
    for (const std::string &part : split(s, at)) if (!part.empty()) parts.push_back(part);
    return parts;
}
inline std::vector<std::string> tokenize(const std::string &s, char at) {
    return tokenize(s, std::string(1, at));
}

inline bool doubleCompare(double expected, double result, double most) {
    most += 1E-15;
    if (std::isnan(expected)) return std::isnan(result);
    if (std::isinf(expected)) return std::isinf(result) && (expected > 0) == (result > 0);
    if (std::isnan(result) || std::isinf(result)) return false;
    if (std::fabs(result - expected) <= most) return true;
    double one = expected * (1.0 - most), other = expected * (1.0 + most);
    return result >= std::min(one, other) && result <= std::max(one, other);
}
inline double doubleDelta(double expected, double result) {
    double absolute = std::fabs(result - expected);
    return std::fabs(expected) > 1E-9 ? std::min(absolute, absolute / std::fabs(expected)) : absolute;
}

// Numbers as contests write them: no plus, no needless zeros, nothing behind.
inline bool testlib_integer(const std::string &s, bool negative, unsigned long long &size, bool &minus) {
    minus = negative && !s.empty() && s[0] == '-';
    std::string digits = s.substr(minus ? 1 : 0);
    if (digits.empty() || digits.size() > 20 || (digits.size() > 1 && digits[0] == '0')) return false;
    if (minus && digits == "0") return false;
    size = 0;
    for (char c : digits) {
        if (c < '0' || c > '9' || size > (ULLONG_MAX - unsigned(c - '0')) / 10) return false;
        size = size * 10 + unsigned(c - '0');
    }
    return true;
}
inline bool testlib_long(const std::string &s, long long &value) {
    unsigned long long size;
    bool minus;
    if (!testlib_integer(s, true, size, minus)) return false;
    if (size > (unsigned long long)LLONG_MAX + (minus ? 1 : 0)) return false;
    value = minus ? (long long)(0 - size) : (long long)size;
    return true;
}
inline size_t testlib_digits(const std::string &s, size_t at) {
    while (at < s.size() && s[at] >= '0' && s[at] <= '9') at++;
    return at;
}
inline bool testlib_real(const std::string &s, double &value) {
    size_t from = !s.empty() && (s[0] == '-' || s[0] == '+') ? 1 : 0;
    size_t at = testlib_digits(s, from), digits = at - from;
    if (at < s.size() && s[at] == '.') {
        size_t after = testlib_digits(s, at + 1);
        digits += after - at - 1;
        at = after;
    }
    if (!digits || s.size() > 400) return false;
    if (at < s.size() && (s[at] == 'e' || s[at] == 'E')) {
        size_t first = at + 1 + (at + 1 < s.size() && (s[at + 1] == '-' || s[at + 1] == '+') ? 1 : 0);
        at = testlib_digits(s, first);
        if (at == first) return false;
    }
    value = strtod(s.c_str(), nullptr);
    return at == s.size() && std::isfinite(value);
}
inline bool testlib_strict_real(const std::string &s, int fewest, int most) {
    size_t from = !s.empty() && s[0] == '-' ? 1 : 0, at = testlib_digits(s, from);
    if (at == from || (at - from > 1 && s[from] == '0')) return false;
    size_t after = at < s.size() && s[at] == '.' ? s.size() - at - 1 : 0;
    if (at < s.size() && (!after || testlib_digits(s, at + 1) != s.size())) return false;
    return int(after) >= fewest && int(after) <= most;
}

// A pattern of tokens: an expression in which a point stands for itself.
class pattern {
    std::string text;
    std::shared_ptr<regex_t> form;
    static std::string plain(const std::string &s) {
        std::string made = "^(";
        bool inside = false;
        for (size_t at = 0; at < s.size(); at++) {
            if (s[at] == '\\' && at + 1 < s.size() && !inside) { made += s[at]; made += s[++at]; continue; }
            inside = s[at] == '[' || (inside && s[at] != ']');
            if (!inside && (s[at] == '.' || s[at] == '^' || s[at] == '$')) made += '\\';
            made += s[at];
            if (!inside && s[at] == '{' && at + 1 < s.size() && s[at + 1] == ',') made += '0';
        }
        return made + ")$";
    }

  public:
    pattern(std::string s) : text(s), form(new regex_t, [](regex_t *old) { regfree(old); delete old; }) {
        if (regcomp(form.get(), plain(s).c_str(), REG_EXTENDED | REG_NOSUB)) {
            fprintf(stderr, "FAIL no pattern: %s\n", s.c_str());
            exit(FAIL_EXIT_CODE);
        }
    }
    bool matches(const std::string &s) const {
        return s.find('\0') == std::string::npos && !regexec(form.get(), s.c_str(), 0, nullptr, 0);
    }
    std::string src() const { return text; }
};

class random_t {
    std::mt19937_64 engine{3905348978240129619ULL};

  public:
    random_t() {}
    void setSeed(long long seed) { engine.seed((unsigned long long)seed); }
    void setSeed(int argc, char *argv[]) {
        unsigned long long seed = 3905348978240129619ULL;
        for (int i = 1; i < argc; i++)
            for (const char *c = argv[i]; *c; c++) seed = seed * 1099511628211ULL + (unsigned char)*c;
        engine.seed(seed);
    }
    double next() { return double(engine() >> 11) / 9007199254740992.0; }
    long long next(long long n) { return (long long)(engine() % (unsigned long long)n); }
    int next(int n) { return int(next((long long)n)); }
    long long next(long long from, long long to) {
        unsigned long long span = (unsigned long long)to - (unsigned long long)from + 1;
        return (long long)((unsigned long long)from + (span ? engine() % span : engine()));
    }
    int next(int from, int to) { return int(next((long long)from, (long long)to)); }
    double next(double n) { return next() * n; }
    double next(double from, double to) { return from + next() * (to - from); }
    int wnext(int n, int type) {
        int best = next(n);
        for (int i = 0; i < std::abs(type); i++) best = type > 0 ? std::max(best, next(n)) : std::min(best, next(n));
        return best;
    }
    template <class C> auto any(const C &all) -> typename C::value_type {
        return *std::next(all.begin(), next((long long)all.size()));
    }
    std::vector<int> perm(int n, int first = 0) {
        std::vector<int> made(n);
        std::iota(made.begin(), made.end(), first);
        for (int i = 1; i < n; i++) std::swap(made[i], made[next(i + 1)]);
        return made;
    }
};
inline random_t rnd;
template <class I> void shuffle(I first, I last) {
    for (I at = first; at != last; ++at) std::iter_swap(at, first + rnd.next((long long)(at - first) + 1));
}

class InStream {
    FILE *file = nullptr;
    int held = -2;

  public:
    TMode mode = _input;
    std::string name;
    bool strict = false;

    void init(FILE *from, TMode as) { file = from; mode = as; name = "stdin"; }
    void init(std::string from, TMode as) {
        mode = as;
        name = from;
        file = fopen(from.c_str(), "rb");
        if (!file && as == _output) quit(_pe, "Output file not found: \"" + from + "\"");
        if (!file) quit(_fail, "File not found: \"" + from + "\"");
    }
    void close() {
        if (file && file != stdin) fclose(file);
        file = nullptr;
    }
    void reset() { if (file) rewind(file); held = -2; }

    int curChar() {
        if (held == -2) held = file ? getc(file) : EOF;
        return held == EOF ? EOFC : held;
    }
    bool eof() { curChar(); return held == EOF; }
    bool eoln() { curChar(); return held == EOF || isEoln(held); }
    int nextChar() { int c = curChar(); if (held != EOF) held = -2; return c; }
    char readChar() { return char(nextChar()); }
    char readChar(char wanted) {
        char c = readChar();
        if (c != wanted) quit(_pe, std::string("Unexpected character '") + c + "', but '" + wanted + "' expected");
        return c;
    }
    void skipChar() { nextChar(); }
    char readSpace() { return readChar(' '); }
    void skipBlanks() { while (!eof() && isBlanks(curChar())) skipChar(); }
    void skipBom() {}
    bool seekEof() { skipBlanks(); return eof(); }
    bool seekEoln() {
        while (!eof() && (curChar() == SPACE || curChar() == TAB)) skipChar();
        return eoln();
    }
    void readEoln() {
        if (!eoln()) quit(_pe, "Expected EOLN");
        if (!eof() && nextChar() == CR && curChar() == LF) skipChar();
    }
    void readEof() { if (!eof()) quit(_pe, "Expected EOF"); }

    std::string readToken() {
        skipBlanks();
        if (eof()) quit(_unexpected_eof, "Unexpected end of file - token expected");
        std::string made;
        while (!eof() && !isBlanks(curChar())) {
            made += char(nextChar());
            if (made.size() > 30000000) quit(_pe, "Length of token exceeds 30000000");
        }
        return made;
    }
    std::string readToken(const pattern &p, const std::string &what = "") {
        std::string s = readToken();
        if (!p.matches(s))
            quit(_wa, "Token " + what + (what.empty() ? "" : " ") + "\"" + compress(s) + "\" doesn't correspond to pattern \"" + p.src() + "\"");
        return s;
    }
    std::string readToken(const std::string &p, const std::string &what = "") { return readToken(pattern(p), what); }
    std::string readWord() { return readToken(); }
    std::string readWord(const pattern &p, const std::string &what = "") { return readToken(p, what); }
    std::string readWord(const std::string &p, const std::string &what = "") { return readToken(pattern(p), what); }
    void readTokenTo(std::string &s) { s = readToken(); }
    void readWordTo(std::string &s) { s = readToken(); }

    std::string readLine() {
        if (eof()) quit(_unexpected_eof, "Expected line");
        std::string made;
        while (!eoln()) made += char(nextChar());
        if (!eof()) readEoln();
        return made;
    }
    std::string readLine(const pattern &p, const std::string &what = "") {
        std::string s = readLine();
        if (!p.matches(s))
            quit(_wa, "Line " + what + (what.empty() ? "" : " ") + "\"" + compress(s) + "\" doesn't correspond to pattern \"" + p.src() + "\"");
        return s;
    }
    std::string readLine(const std::string &p, const std::string &what = "") { return readLine(pattern(p), what); }
    std::string readString() { return readLine(); }
    std::string readString(const std::string &p, const std::string &what = "") { return readLine(p, what); }
    void readLineTo(std::string &s) { s = readLine(); }
    void readStringTo(std::string &s) { s = readLine(); }

    long long readLong() {
        std::string s = number("int64");
        long long value = 0;
        if (!testlib_long(s, value)) quit(_pe, "Expected int64, but \"" + compress(s) + "\" found");
        return value;
    }
    long long readLong(long long least, long long most, const std::string &what = "") {
        return within(readLong(), least, most, what, "Integer");
    }
    unsigned long long readUnsignedLong() {
        std::string s = number("uint64");
        unsigned long long size = 0;
        bool minus;
        if (!testlib_integer(s, false, size, minus)) quit(_pe, "Expected uint64, but \"" + compress(s) + "\" found");
        return size;
    }
    unsigned long long readUnsignedLong(unsigned long long least, unsigned long long most, const std::string &what = "") {
        return within(readUnsignedLong(), least, most, what, "Unsigned integer");
    }
    int readInt() {
        std::string s = number("int32");
        long long value = 0;
        if (!testlib_long(s, value) || value < INT_MIN || value > INT_MAX)
            quit(_pe, "Expected int32, but \"" + compress(s) + "\" found");
        return int(value);
    }
    int readInt(int least, int most, const std::string &what = "") { return within(readInt(), least, most, what, "Integer"); }
    int readInteger() { return readInt(); }
    int readInteger(int least, int most, const std::string &what = "") { return readInt(least, most, what); }

    double readReal() {
        std::string s = number("double");
        double value = 0;
        if (!testlib_real(s, value)) quit(_pe, "Expected double, but \"" + compress(s) + "\" found");
        return value;
    }
    double readReal(double least, double most, const std::string &what = "") { return within(readReal(), least, most, what, "Double"); }
    double readDouble() { return readReal(); }
    double readDouble(double least, double most, const std::string &what = "") { return readReal(least, most, what); }
    double readStrictReal(double least, double most, int fewest, int furthest, const std::string &what = "") {
        std::string s = number("strict double");
        double value = 0;
        if (!testlib_real(s, value) || !testlib_strict_real(s, fewest, furthest))
            quit(_pe, "Expected strict double, but \"" + compress(s) + "\" found");
        return within(value, least, most, what, "Strict double");
    }
    double readStrictDouble(double least, double most, int fewest, int furthest, const std::string &what = "") {
        return readStrictReal(least, most, fewest, furthest, what);
    }

#define TESTLIB_SEVERAL(plural, single, T)                                                          \
    std::vector<T> plural(int count, T least, T most, const std::string &what = "", int from = 1) { \
        std::vector<T> made(count);                                                                 \
        for (int i = 0; i < count; i++)                                                             \
            made[i] = single(least, most, what.empty() ? what : what + "[" + vtos(i + from) + "]"); \
        return made;                                                                                \
    }                                                                                               \
    std::vector<T> plural(int count) {                                                              \
        std::vector<T> made(count);                                                                 \
        for (T &one : made) one = single();                                                         \
        return made;                                                                                \
    }
    TESTLIB_SEVERAL(readInts, readInt, int)
    TESTLIB_SEVERAL(readIntegers, readInt, int)
    TESTLIB_SEVERAL(readLongs, readLong, long long)
    TESTLIB_SEVERAL(readUnsignedLongs, readUnsignedLong, unsigned long long)
    TESTLIB_SEVERAL(readReals, readReal, double)
    TESTLIB_SEVERAL(readDoubles, readReal, double)
#undef TESTLIB_SEVERAL
#define TESTLIB_SEVERAL(plural, single)                                                                 \
    std::vector<std::string> plural(int count) {                                                        \
        std::vector<std::string> made(count);                                                           \
        for (std::string &one : made) one = single();                                                   \
        return made;                                                                                    \
    }                                                                                                   \
    std::vector<std::string> plural(int count, const std::string &p, const std::string &what = "") {    \
        pattern form(p);                                                                                \
        std::vector<std::string> made(count);                                                           \
        for (std::string &one : made) one = single(form, what);                                         \
        return made;                                                                                    \
    }
    TESTLIB_SEVERAL(readTokens, readToken)
    TESTLIB_SEVERAL(readWords, readToken)
    TESTLIB_SEVERAL(readLines, readLine)
    TESTLIB_SEVERAL(readStrings, readLine)
#undef TESTLIB_SEVERAL

    TESTLIB_NORETURN void quit(TResult result, const char *message) { quit(result, std::string(message)); }
    TESTLIB_NORETURN void quit(TResult result, const std::string &message);
    TESTLIB_NORETURN TESTLIB_PRINTF(3, 4) void quitf(TResult result, const char *text, ...) {
        TESTLIB_FORMAT(text, made);
        quit(result, made);
    }
    TESTLIB_PRINTF(4, 5) void quitif(bool condition, TResult result, const char *text, ...) {
        TESTLIB_FORMAT(text, made);
        if (condition) quit(result, made);
    }
    TESTLIB_PRINTF(3, 4) void ensuref(bool condition, const char *text, ...) {
        TESTLIB_FORMAT(text, made);
        if (!condition) quit(_wa, made);
    }
    TESTLIB_NORETURN void quits(TResult result, std::string message) { quit(result, message); }

  private:
    std::string number(const char *kind) {
        if (seekEof()) quit(_unexpected_eof, std::string("Unexpected end of file - ") + kind + " expected");
        return readToken();
    }
    template <class T> T within(T value, T least, T most, const std::string &what, const char *kind) {
        if (!(value >= least && value <= most))
            quit(_wa, std::string(kind) + (what.empty() ? "" : " parameter [name=" + what + "]") + (what.empty() ? " " : " equals to ")
                          + vtos(value) + ", violates the range [" + vtos(least) + ", " + vtos(most) + "]");
        return value;
    }
};

inline InStream inf, ouf, ans;
inline std::fstream tout;

// What is wrong with the input or the answer is nobody's fault but the reference's.
inline void InStream::quit(TResult result, const std::string &message) {
    if (mode != _output && result != _ok && result != _fail) {
        result = _fail;
    } else if (result == _ok && mode == _output && testlibMode == _checker && !ouf.seekEof()) {
        result = _dirt;
        fprintf(stderr, "wrong output format Extra information in the output file\n");
        exit(DIRT_EXIT_CODE);
    }
    const char *said = "FAIL ";
    int status = FAIL_EXIT_CODE;
    switch (int(result)) {
        case _ok: said = "ok "; status = OK_EXIT_CODE; break;
        case _wa: said = "wrong answer "; status = WA_EXIT_CODE; break;
        case _pe: said = "wrong output format "; status = PE_EXIT_CODE; break;
        case _dirt: said = "wrong output format "; status = DIRT_EXIT_CODE; break;
        case _unexpected_eof: said = "unexpected eof "; status = UNEXPECTED_EOF_EXIT_CODE; break;
        case _points: said = ""; status = POINTS_EXIT_CODE; break;
        default:
            if (result >= _partially) { said = "partially correct "; status = PC_BASE_EXIT_CODE + int(result) - int(_partially); }
    }
    if (tout.is_open()) tout.close();
    fflush(stdout);
    std::cout.flush();
    if (result == _points) {
        // The number is read from the start of a line, which no quoted output may look like.
        std::string line = message;
        std::replace_if(line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
        fprintf(stderr, "\npoints %.10f %s\n", testlibPoints, line.c_str());
    }
    else if (status >= PC_BASE_EXIT_CODE) fprintf(stderr, "%s(%d) %s\n", said, status - PC_BASE_EXIT_CODE, message.c_str());
    else if (testlibTestCase >= 0 && result != _ok) fprintf(stderr, "%stest case %d: %s\n", said, testlibTestCase, message.c_str());
    else fprintf(stderr, "%s%s\n", said, message.c_str());
    exit(status);
}

TESTLIB_NORETURN inline void quit(TResult result, const std::string &message) { ouf.quit(result, message); }
TESTLIB_NORETURN inline void quit(TResult result, const char *message) { ouf.quit(result, message); }
TESTLIB_NORETURN inline void __testlib_fail(const std::string &message) { quit(_fail, message); }
TESTLIB_NORETURN TESTLIB_PRINTF(2, 3) inline void quitf(TResult result, const char *text, ...) {
    TESTLIB_FORMAT(text, made);
    quit(result, made);
}
TESTLIB_PRINTF(3, 4) inline void quitif(bool condition, TResult result, const char *text, ...) {
    TESTLIB_FORMAT(text, made);
    if (condition) quit(result, made);
}
TESTLIB_NORETURN inline void quitp(double points, const std::string &message = "") {
    testlibPoints = points;
    quit(_points, message);
}
TESTLIB_NORETURN TESTLIB_PRINTF(2, 3) inline void quitp(double points, const char *text, ...) {
    TESTLIB_FORMAT(text, made);
    quitp(points, made);
}
TESTLIB_NORETURN inline void quitp(int points, const std::string &message = "") { quitp(double(points), message); }
TESTLIB_NORETURN TESTLIB_PRINTF(2, 3) inline void quitp(int points, const char *text, ...) {
    TESTLIB_FORMAT(text, made);
    quitp(double(points), made);
}
inline void __testlib_ensure(bool condition, const std::string &message) { if (!condition) quit(_fail, message); }
#define ensure(condition) __testlib_ensure((condition), "Condition failed: \"" #condition "\"")
TESTLIB_PRINTF(2, 3) inline void ensuref(bool condition, const char *text, ...) {
    TESTLIB_FORMAT(text, made);
    if (!condition) quit(_fail, made);
}
template <class T> TESTLIB_NORETURN void expectedButFound(TResult result, T expected, T found, const char *text = "", ...) {
    TESTLIB_FORMAT(text, made);
    quit(result, (made.empty() ? made : made + ": ") + "expected '" + compress(vtos(expected)) + "', found '" + compress(vtos(found)) + "'");
}
inline long long stringToLongLong(InStream &in, const std::string &s) {
    long long value = 0;
    if (!testlib_long(s, value)) in.quit(_pe, "Expected int64, but \"" + compress(s) + "\" found");
    return value;
}
inline double stringToDouble(InStream &in, const std::string &s) {
    double value = 0;
    if (!testlib_real(s, value)) in.quit(_pe, "Expected double, but \"" + compress(s) + "\" found");
    return value;
}
inline void setTestCase(int number) { testlibTestCase = number; }
inline void unsetTestCase() { testlibTestCase = -1; }
inline void disableFinalizeGuard() {}
TESTLIB_PRINTF(1, 2) inline void setName(const char *text, ...) { (void)text; }

inline void registerTestlibCmd(int argc, char *argv[]) {
    testlibMode = _checker;
    rnd.setSeed(argc, argv);
    ouf.mode = _output;
    if (argc < 4) quit(_fail, "Program must be run with: input-file output-file answer-file");
    inf.init(std::string(argv[1]), _input);
    ans.init(std::string(argv[3]), _answer);
    ouf.init(std::string(argv[2]), _output);
}
inline void registerTestlib(int argc, ...) {
    std::vector<char *> names(1, nullptr);
    va_list list;
    va_start(list, argc);
    for (int i = 0; i < argc; i++) names.push_back(va_arg(list, char *));
    va_end(list);
    static char self[] = "checker";
    names[0] = self;
    registerTestlibCmd(int(names.size()), names.data());
}
inline void registerInteraction(int argc, char *argv[]) {
    testlibMode = _interactor;
    rnd.setSeed(argc, argv);
    ouf.init(stdin, _output);
    if (argc < 3) quit(_fail, "Program must be run with: input-file output-file [answer-file]");
    inf.init(std::string(argv[1]), _input);
    tout.open(argv[2], std::ios_base::out);
    if (argc > 3) ans.init(std::string(argv[3]), _answer);
}
inline void registerValidation() { testlibMode = _validator; inf.init(stdin, _input); inf.strict = true; }
inline void registerValidation(int, char **) { registerValidation(); }
inline void registerGen(int argc, char *argv[], int = 1) { testlibMode = _generator; rnd.setSeed(argc, argv); }

#endif
