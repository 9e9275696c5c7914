"""Words that mean the same column, in English and Chinese; one line is one meaning.

Above: `columns`. Below: nothing.
"""
# ruff: noqa: E501 - a rule, a sentence or a line of written code stands on one line

__all__ = ("ADDITIVE", "AVERAGED", "CONCEPTS", "SNAPSHOTS", "SUBJECTS")

CONCEPTS: tuple[tuple[str, ...], ...] = tuple(
    tuple(line.split(", "))
    for line in """\
sales, revenue, turnover, amount, takings, gross, grossing, umsatz, order total, order value, order amount, box office, money, spending, spent, spend, 销售额, 营业额, 销售金额, 订单金额, 客单价, 票房, 花钱, 营收, 收入, 金额, 销售, 流水, 交易额
profit, margin, earnings, 利润, 毛利, 盈利, 净利
close, closing price, adj close, share price, stock price, price, 收盘价, 收盘, 股价, 涨幅, 跌幅, 涨跌幅
open, opening price, 开盘价, 开盘
high, high price, 最高价
low, low price, 最低价
volume, trading volume, 成交量, 交易量
quantity, qty, units, volume, pieces, 数量, 销量, 件数, 销售量
price, expensive, cheapest, cheaper, cost, 最贵, 最便宜, 单价, 价格, 售价
cost, expense, spending, spend, expensive, cheapest, cheaper, charge, fee, 最贵, 最便宜, 成本, 费用, 支出, 花费, 开支
budget, 预算
region, area, territory, zone, 地区, 区域, 大区, 片区
city, town, 城市, 市
province, state, 省份, 省
country, nation, economy, 国家, 国别
product, item, article, goods, merchandise, 产品, 商品, 货品, 品名
category, type, kind, 类别, 品类, 类型, 种类, 分类, 类目
customer, client, buyer, 客户, 顾客, 买家
supplier, vendor, 供应商
store, shop, branch, outlet, 门店, 店铺, 商店, 分店
channel, 渠道
brand, 品牌
order, 订单
company, companies, firm, business, 公司, 企业
stock, symbol, ticker, share, 股票, 个股
warehouse, depot, 仓库
attendance, audience, spectators, crowd, 观众, 上座, 观众人数
attrition, left, churned, churn, quit, 离职, 流失
reorder level, reorder point, 补货点, 安全库存
life expectancy, 预期寿命, 寿命
continent, 大洲, 洲
agegroup, age group, 年龄段
director, 导演
genre, 类型, 题材
balance, 余额
waiting time, 等待时间
length of stay, stay, 住院天数, 住院时长
latitude, 纬度
longitude, 经度
team, club, 球队
goals, 进球
home, home team, 主队
away, away team, 客队
voltage, 电压
date, day, timestamp, datetime, time, 日期, 时间, 年月
month, 月份, 月
year, 年份, 年度, 年
quarter, 季度
weekday, 星期, 周几
gender, sex, 性别
age, oldest, youngest, older, younger, 最年长, 最年轻, 年龄
name, 姓名, 名称, 名字
department, dept, team, division, ward, 部门, 科室, 团队
employee, staff, worker, 员工, 职员, 雇员
salary, wage, payroll, earn, earning, earner, paid, pay, income, compensation, 工资, 薪资, 薪水, 月薪, 年薪, 收入
job, title, job title, occupation, profession, position, role, 职业, 职位, 岗位, 工种
education, degree, 学历, 教育程度
score, rating, rated, grade, mark, points, 平均分, 评分, 分数, 得分, 成绩, 打分
satisfaction, 满意度
temperature, temp, hot, cold, warm, hottest, warmest, coldest, warmer, hotter, colder, 最热, 最冷, 温度, 气温
humidity, 湿度
pressure, 压力, 气压
rain, rainfall, rainy, wettest, rainiest, driest, wetter, drier, precipitation, 降雨量, 降水量, 雨量, 降水, 降雨, 下雨
wind, 风速
speed, velocity, 速度
sensor, device, 传感器, 设备
station, site, 站点, 测站, 站
population, populous, inhabitant, 人口, 人口数
gdp, 国内生产总值, 生产总值
stock, inventory, 库存
discount, 折扣
tax, 税额, 税
rating, rated, 评分
weight, mass, heaviest, lightest, heavier, 重量, 体重
height, tallest, taller, 身高, 高度
length, 长度
distance, 距离, 里程
duration, minutes, hours, 时长, 耗时, 用时
visits, visitors, views, traffic, sessions, 会话, 访问量, 浏览量, 流量, 客流
clicks, 点击量, 点击
users, 用户数, 用户
student, pupil, 学生
teacher, 老师, 教师
class, 班级, 班
school, 学校
subject, course, 科目, 课程, 学科
species, variety, 品种, 物种
color, colour, 颜色
size, 尺寸, 大小
payment, 支付方式, 付款方式
status, 状态
emissions, co2, 排放量, 排放
energy, consumption, usage, kwh, electricity, power, 用电, 电量, 能耗, 用电量, 耗电量
energy_source, 能源
machine, 机器, 机台
line, 产线, 生产线
error, defect, fault, 缺陷, 故障, 不良
patient, 患者, 病人
hospital, 医院
disease, diagnosis, 疾病, 诊断
answer, response, reply, 回答, 答案
question, 问题, 题目
math, maths, mathematics, 数学
english, 英语
chinese, 语文
science, 科学
return, refund, 退货, 退款
seller, salesperson, salesman, rep, agent, 销售员, 业务员
""".splitlines()
)

# What a column of this meaning is worth as the first choice when a question names no measure.
ADDITIVE = ("sales", "profit", "gdp", "close", "quantity", "cost", "visits", "population", "energy", "salary", "score")
SUBJECTS = frozenset(
    [
        "math",
        "english",
        "chinese",
        "science",
        "physics",
        "chemistry",
        "biology",
        "history",
        "geography",
        "literature",
        "art",
        "music",
        "语文",
        "数学",
        "英语",
        "物理",
        "化学",
        "生物",
        "历史",
        "地理",
        "政治",
    ]
)
# What is a state and no flow: over time it is not added up, the last state is taken.
SNAPSHOTS = frozenset(["population", "gdp", "balance", "stock"])
# What is not summed unless the question says so: the sum of temperatures means nothing.
AVERAGED = frozenset(
    [
        "price", "close", "open", "high", "low", "voltage", "life expectancy", "length of stay", "attendance", "humidity", "age", "salary", "score", "satisfaction", "temperature", "humidity", "pressure", "wind",
        "speed", "weight", "height", "length", "discount", "duration", "rate", "ratio", "percent", "percentage",
        "pct", "index", "level", "mean", "average", "avg", "median", "margin", "degree", "bmi", "density",
        "frequency", "latitude", "longitude", "lat", "lon", "lng", "share", "rating", "grade", "stars", "math", "maths", "english",
        "science", "physics", "chemistry", "biology", "history", "评分", "得分", "分数", "满意度", "数学", "语文", "英语", "物理", "化学", "率", "比例", "占比",
        "平均", "指数", "均价", "温", "湿度", "浓度", "百分比",
    ]
)  # fmt: skip
